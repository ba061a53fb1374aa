"""Workers: which processes live, and what they do."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from importlib.metadata import version

from sqlalchemy import delete, select
from sqlmodel import Session, col

from nps_connect.ledger.operational_tables import WorkerRow
from nps_connect.ledger.upserts import insert_for

HEARTBEAT_TIMEOUT = timedelta(seconds=30)
"""A worker that has not been seen for this long is taken for dead; its deliveries are taken over."""

WORKER_RETENTION = timedelta(days=1)


def record_heartbeat(
    session: Session, worker: str, *, role: str, started_at: datetime, doing: list[str], now: datetime
) -> None:
    """Note that this process lives."""
    own = {"seen_at": now, "doing": doing}
    session.execute(
        insert_for(session, WorkerRow)
        .values(
            id=worker,
            role=role,
            host=socket.gethostname()[:255],
            pid=os.getpid(),
            version=version("nps-connect"),
            started_at=started_at,
            **own,
        )
        .on_conflict_do_update(index_elements=["id"], set_=own)
    )
    session.execute(
        delete(WorkerRow)
        .where(col(WorkerRow.seen_at) < now - WORKER_RETENTION)
        .execution_options(synchronize_session=False)
    )


def deregister_worker(session: Session, worker: str) -> None:
    """Note that this process has ended in good order."""
    session.execute(delete(WorkerRow).where(col(WorkerRow.id) == worker).execution_options(synchronize_session=False))


def load_workers(session: Session) -> list[WorkerRow]:
    """Every process that is or was seen within a day, the oldest first."""
    return list(session.execute(select(WorkerRow).order_by(col(WorkerRow.started_at), col(WorkerRow.id))).scalars())
