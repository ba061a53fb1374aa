"""The tables of worker processes, with their heartbeats, and of periodic jobs."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint, delete, select
from sqlmodel import JSON, Field, Session, col

from nps_connect.ledger.columns import Base, BigId, QueuedRow, UtcDateTime, insert_for, queue_indexes

HEARTBEAT_TIMEOUT = timedelta(seconds=30)
"""A process without a heartbeat for this long counts as dead."""

WORKER_RETENTION = timedelta(days=1)

BOUNCES_JOB_PREFIX = "bounces:"
"""Prefix of the names of the jobs that read the bounce mailbox of a connection."""

CHECK_JOB_PREFIX = "check:"
"""Prefix of the names of the jobs that check a connection."""

POLL_JOB_PREFIX = "poll:"
"""Prefix of the names of the jobs that fetch the events of a connection."""

SCHEDULE_JOB_PREFIX = "schedule:"
"""Prefix of the names of the jobs that look for people whose recurring survey is due."""

RECONCILE_JOB_PREFIX = "reconcile:"
"""Prefix of the names of the jobs that look for events whose webhook did not arrive."""


class WorkerRow(Base, table=True):
    """A process that sends heartbeats.

    Attributes:
        role: `run`, `serve` or `worker`.
        queues: the queues that its threads work on now.
        config_fingerprint: of the configuration that it runs, see `settings.effective.fingerprint`.
    """

    __tablename__ = "workers"

    id: str = Field(primary_key=True, max_length=40)
    role: str = Field(max_length=20)
    host: str = Field(max_length=255)
    pid: int
    version: str = Field(max_length=40)
    started_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    queues: list[str] = Field(default_factory=list, sa_type=JSON)
    config_fingerprint: str | None = Field(default=None, max_length=12)


class JobRow(QueuedRow, table=True):
    """A periodic job in queue ``jobs`` or ``<connection>/poll``.

    Attributes:
        memo: state that the job keeps between runs, such as a cursor.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        *queue_indexes("jobs"),
        UniqueConstraint("name"),
        CheckConstraint("state IN ('pending', 'running')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(max_length=80)
    memo: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


def record_heartbeat(
    session: Session,
    worker: str,
    *,
    role: str,
    started_at: datetime,
    queues: list[str],
    config_fingerprint: str,
    now: datetime,
) -> None:
    """Record that this process is alive; deletes rows of processes that ended a day ago."""
    from importlib.metadata import version  # takes long to import

    heartbeat = {"seen_at": now, "queues": queues}
    session.execute(
        insert_for(session, WorkerRow)
        .values(
            id=worker,
            role=role,
            host=socket.gethostname()[:255],
            pid=os.getpid(),
            version=version("nps-connect"),
            started_at=started_at,
            config_fingerprint=config_fingerprint,
            **heartbeat,
        )
        .on_conflict_do_update(index_elements=["id"], set_=heartbeat)
    )
    session.execute(
        delete(WorkerRow)
        .where(col(WorkerRow.seen_at) < now - WORKER_RETENTION)
        .execution_options(synchronize_session=False)
    )


def deregister_worker(session: Session, worker: str) -> None:
    """Delete the row of a process that shuts down gracefully."""
    session.execute(delete(WorkerRow).where(col(WorkerRow.id) == worker).execution_options(synchronize_session=False))


def load_workers(session: Session) -> list[WorkerRow]:
    """Load every process with a heartbeat within the last day, with read-only columns, oldest start first."""
    processes = WorkerRow.__table__
    query = select(processes).order_by(processes.c.started_at, processes.c.id)
    return list(session.connection().execute(query))  # type: ignore[arg-type]
