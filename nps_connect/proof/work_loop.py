"""Drains the twin's queues in one thread, and tells when the next work is due."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import col

from nps_connect.app.application import Application
from nps_connect.ledger.columns import JOBS_QUEUE
from nps_connect.ledger.tables import DeliveryRow, EventRow, RawRequest
from nps_connect.ledger.workers import JobRow
from nps_connect.worker.jobs import build_jobs, sync_job_rows
from nps_connect.worker.queues import WorkQueue, build_queues

WORK_TABLES: tuple[type[Any], ...] = (RawRequest, EventRow, DeliveryRow)
SKIPPED_JOBS = ("retention", "reconcile", "alarms", "pause_notices", "check")
"""Periodic jobs without part in a proof: they delete what is old, look for lost webhooks, write to staff, and
check what `connections check` does."""

MAX_PASSES = 100
"""Passes over all queues at one moment: more would mean that work creates work without end."""


class WorkLoop:
    """Runs what is due, by priority, as the engine does, but one thing after the other.

    Args:
        application: the application.
    """

    def __init__(self, application: Application) -> None:
        self._ctx = application.ctx
        jobs = {name: job for name, job in build_jobs(self._ctx).items() if name.partition(":")[0] not in SKIPPED_JOBS}
        self._has_polls = any(queue_name != JOBS_QUEUE for queue_name in (job.queue_name for job in jobs.values()))
        sync_job_rows(self._ctx, jobs)
        queues = build_queues(self._ctx, jobs)
        self._work = {queue.name: queue for queue in queues if queue.table in WORK_TABLES}
        self._jobs = [queue for queue in queues if queue.table is JobRow]

    def run_due(self) -> int:
        """Run the work that is due, then the periodic jobs, until neither leaves anything; return the rows of work."""
        total = 0
        for _ in range(MAX_PASSES):
            done = self._run_work()
            total += done
            if not done and not self._run_jobs():
                break
        return total

    def next_due(self) -> datetime | None:
        """Return when the next work is due (not jobs, and not in paused queues); None if there is none."""
        moments = [self._work[name].next_due(self._ctx) for name in self._due_by_queue() if name in self._work]
        return min((moment for moment in moments if moment is not None), default=None)

    def needs_jobs(self) -> bool:
        """Return whether periodic jobs may find work: by polls, or by looking for deliveries in doubt."""
        if self._has_polls:
            return True
        unsettled = col(DeliveryRow.in_doubt) & col(DeliveryRow.state).in_(("pending", "running", "held"))
        with self._ctx.ledger.read() as session:
            return session.execute(select(col(DeliveryRow.id)).where(unsettled).limit(1)).first() is not None

    def _run_work(self) -> int:
        """Drain each queue that is due once; return the claimed rows."""
        due, claimed = self._due_by_queue(), 0
        for name, queue in self._work.items():
            if name in due and due[name] <= self._ctx.clock() and self._is_due(queue):
                claimed += queue.drain(_never)
        return claimed

    def _run_jobs(self) -> int:
        """Run every job that is due; return their number."""
        count = 0
        for queue in self._jobs:
            runs = 0
            while runs < MAX_PASSES and self._is_due(queue) and queue.drain(_never):
                runs += 1
            count += runs
        return count

    def _is_due(self, queue: WorkQueue) -> bool:
        """Return whether a queue has due rows and is not paused."""
        due_at = queue.next_due(self._ctx)
        return due_at is not None and due_at <= self._ctx.clock()

    def _due_by_queue(self) -> dict[str, datetime]:
        """Return the due time of the first pending row of each queue."""
        due: dict[str, datetime] = {}
        with self._ctx.ledger.read() as session:
            for table in WORK_TABLES:
                query = select(col(table.queue_name), func.min(col(table.due_at)))
                query = query.where(col(table.state) == "pending").group_by(col(table.queue_name))
                due.update((name, due_at) for name, due_at in session.execute(query).all())
        return due


def _never() -> bool:
    return False
