"""Drains the twin's queues in one thread, and tells when the next work is due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import col

from nps_connect.app.application import Application
from nps_connect.ledger.columns import JOBS_QUEUE
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.ledger.workers import POLL_JOB_PREFIX, JobRow
from nps_connect.worker.jobs import build_jobs, sync_job_rows
from nps_connect.worker.queues import WorkQueue, build_queues, load_due_times

SKIPPED_JOBS = ("retention", "reconcile", "alarms", "pause_notices", "check")
"""Periodic jobs without part in a proof: they delete what is old, look for lost webhooks, write to staff, and
check what `connections check` does."""

MAX_PASSES = 100
"""Passes over all queues at one moment: more would mean that work creates work without end."""


class WorkLoop:
    """Runs what is due, by priority, as the engine does, but one thing after the other.

    Args:
        application: the application.

    Attributes:
        poll_interval: the longest time between two polls of a connection; zero if none is polled.
    """

    def __init__(self, application: Application) -> None:
        self._ctx = application.ctx
        jobs = {name: job for name, job in build_jobs(self._ctx).items() if name.partition(":")[0] not in SKIPPED_JOBS}
        sync_job_rows(self._ctx, jobs)
        queues = build_queues(self._ctx, jobs)
        self._work = {queue.name: queue for queue in queues if queue.table is not JobRow}
        self._jobs = [queue for queue in queues if queue.table is JobRow and queue.name == JOBS_QUEUE]
        self._polls = [queue for queue in queues if queue.table is JobRow and queue.name != JOBS_QUEUE]
        polled = [connection.settings for connection in self._ctx.connections.values()]
        intervals = [settings.poll_every for settings in polled if settings.events == "poll"]
        self.poll_interval = timedelta(seconds=max(intervals, default=0))

    def run_due(self, *, with_polls: bool) -> int:
        """Run the work that is due, then the periodic jobs, until neither leaves anything; return the rows of work.

        Args:
            with_polls: whether vendors are polled, too.
        """
        jobs = [*self._jobs, *(self._polls if with_polls else [])]
        total = 0
        for _ in range(MAX_PASSES):
            done = self._run_work()
            total += done
            if not done and not self._run_jobs(jobs):
                break
        return total

    def has_first_polls(self) -> bool:
        """Return whether every polled connection was polled once: from then on it reports what happens."""
        with self._ctx.ledger.read() as session:
            memos = session.execute(select(col(JobRow.memo)).where(col(JobRow.name).startswith(POLL_JOB_PREFIX)))
            return all(memo.get("cursor") for memo in memos.scalars())

    def next_due(self) -> datetime | None:
        """Return when the next work is due (not jobs, and not in paused queues); None if there is none."""
        moments = [self._work[name].next_due(self._ctx) for name in load_due_times(self._ctx) if name in self._work]
        return min((moment for moment in moments if moment is not None), default=None)

    def has_in_doubt(self) -> bool:
        """Return whether deliveries are in doubt, which a periodic job settles."""
        unsettled = col(DeliveryRow.in_doubt) & col(DeliveryRow.state).in_(("pending", "running", "held"))
        with self._ctx.ledger.read() as session:
            return session.execute(select(col(DeliveryRow.id)).where(unsettled).limit(1)).first() is not None

    def _run_work(self) -> int:
        """Drain each queue that is due once; return the claimed rows."""
        due, claimed = load_due_times(self._ctx), 0
        for name, queue in self._work.items():
            if name in due and due[name] <= self._ctx.clock() and self._is_due(queue):
                claimed += queue.drain(_never)
        return claimed

    def _run_jobs(self, jobs: Iterable[WorkQueue]) -> int:
        """Run every job that is due; return their number."""
        count = 0
        for queue in jobs:
            runs = 0
            while runs < MAX_PASSES and self._is_due(queue) and queue.drain(_never):
                runs += 1
            count += runs
        return count

    def _is_due(self, queue: WorkQueue) -> bool:
        """Return whether a queue has due rows and is not paused."""
        due_at = queue.next_due(self._ctx)
        return due_at is not None and due_at <= self._ctx.clock()


def _never() -> bool:
    return False
