"""Drains the twin's queues in one thread, and tells when the next work is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import col

from nps_connect.app.application import Application
from nps_connect.ledger.tables import DeliveryRow, EventRow, RawRequest
from nps_connect.ledger.workers import JobRow
from nps_connect.worker.jobs import build_jobs, sync_job_rows
from nps_connect.worker.queues import WorkQueue, build_queues

WORK_TABLES: tuple[type[Any], ...] = (RawRequest, EventRow, DeliveryRow)
MAX_PASSES = 100
"""Passes over all queues at one moment: more would mean that work creates work without end."""


class WorkLoop:
    """Runs what is due, by priority, as the engine does, but one thing after the other.

    Args:
        application: the application.
    """

    def __init__(self, application: Application) -> None:
        self._ctx = application.ctx
        jobs = build_jobs(self._ctx)
        sync_job_rows(self._ctx, jobs)
        queues = build_queues(self._ctx, jobs)
        self._work = {queue.name: queue for queue in queues if queue.table in WORK_TABLES}
        self._jobs = {queue.name: queue for queue in queues if queue.table is JobRow}

    def run_due(self) -> int:
        """Run the work that is due, then the periodic jobs, until neither leaves anything; return the rows of work."""
        total = 0
        for _ in range(MAX_PASSES):
            done = self._drain(self._work, WORK_TABLES)
            total += done
            if not done and not self._drain(self._jobs, (JobRow,)):
                break
        return total

    def next_due(self) -> datetime | None:
        """Return when the next work is due (not jobs); None if there is none."""
        return min(self._due_by_queue(WORK_TABLES).values(), default=None)

    def _drain(self, queues: Mapping[str, WorkQueue], tables: Sequence[type[Any]]) -> int:
        """Drain each queue that is due and not paused once; return the claimed rows."""
        due, claimed = self._due_by_queue(tables), 0
        for name, queue in queues.items():
            if name not in due or due[name] > self._ctx.clock():
                continue
            due_at = queue.next_due(self._ctx)
            if due_at is not None and due_at <= self._ctx.clock():
                claimed += queue.drain(_never)
        return claimed

    def _due_by_queue(self, tables: Sequence[type[Any]]) -> dict[str, datetime]:
        """Return the due time of the first pending row of each queue."""
        due: dict[str, datetime] = {}
        with self._ctx.ledger.read() as session:
            for table in tables:
                query = select(col(table.queue_name), func.min(col(table.due_at)))
                query = query.where(col(table.state) == "pending").group_by(col(table.queue_name))
                due.update((name, due_at) for name, due_at in session.execute(query).all())
        return due


def _never() -> bool:
    return False
