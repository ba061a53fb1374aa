"""The work queues of a configuration, in order of priority."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from nps_connect.ledger import claims, pauses, queue_figures
from nps_connect.ledger.columns import JOBS_QUEUE, QueuedRow, decide_queue, delivery_queue, parse_queue, poll_queue
from nps_connect.ledger.tables import DeliveryRow, EventRow, RawRequest
from nps_connect.ledger.workers import JobRow
from nps_connect.services.context import Context
from nps_connect.services.decisions.drain_events import drain_events
from nps_connect.services.deliveries.circuit_breaker import pause_scopes
from nps_connect.services.deliveries.deliver import drain_deliveries
from nps_connect.services.intake.parse import drain_requests
from nps_connect.worker.jobs import PeriodicJob, drain_jobs

JOBS_RANK = 100
"""After intake and all actions."""

WORK_TABLES: tuple[type[QueuedRow], ...] = (RawRequest, EventRow, DeliveryRow, JobRow)
"""The tables of all queues."""


@dataclass(frozen=True)
class WorkQueue:
    """Rows of one table, processed in the order of their due times by one or more threads.

    Attributes:
        name: as in the column `queue_name`.
        rank: priority; lower is served first: intake, then actions by their priority, then jobs.
        table: of its rows.
        drain: processes one claim, given a predicate for stopping; returns the number of claimed rows.
        connection: its connection; None for work inside the application.
        scopes: a pause of any of these stops the queue.
        is_delivery: the queue calls the vendor, so that quota and circuit breaker delay it.
    """

    name: str
    rank: int
    table: type[QueuedRow]
    drain: Callable[[Callable[[], bool]], int]
    connection: str | None = None
    scopes: tuple[str, ...] = ()
    is_delivery: bool = False

    def next_due(self, ctx: Context) -> datetime | None:
        """Return when the queue's first row can be processed; None if it is empty or paused."""
        with ctx.ledger.read() as session:
            due_at = claims.next_due(session, self.table, self.name)
            if due_at is None or self.connection is None:
                return due_at
            if not pauses.load_paused_scopes(session, ctx.state_dir).isdisjoint(self.scopes):
                return None
            if not self.is_delivery:
                return due_at
            return max([due_at, *pauses.no_call_before(session, self.connection)])


def load_due_times(ctx: Context) -> dict[str, datetime]:
    """Load when the first pending row of each queue is due, by name: paused queues and those of other processes too."""
    with ctx.ledger.read() as session:
        return queue_figures.load_due_times(session, WORK_TABLES)


def build_queues(ctx: Context, jobs: dict[str, PeriodicJob]) -> list[WorkQueue]:
    """Return the queues of this configuration, highest priority first."""
    queues = [WorkQueue(JOBS_QUEUE, JOBS_RANK, JobRow, lambda _stopping: drain_jobs(ctx, jobs))]
    for name in ctx.connections:
        queues += _intake_queues(ctx, name, jobs)
        if not ctx.shadow:
            queues += _delivery_queues(ctx, name)
    return sorted(queues, key=lambda queue: (queue.rank, queue.name))


def _intake_queues(ctx: Context, name: str, jobs: dict[str, PeriodicJob]) -> list[WorkQueue]:
    parse, decide, poll = parse_queue(name), decide_queue(name), poll_queue(name)
    parse_scopes, decide_scopes = (pauses.queue_scope(name, "parse"),), (pauses.queue_scope(name, "decide"),)
    queues = [
        WorkQueue(parse, 2, RawRequest, lambda _stopping: drain_requests(ctx, name), name, parse_scopes),
        WorkQueue(decide, 3, EventRow, lambda _stopping: drain_events(ctx, name), name, decide_scopes),
    ]
    if any(job.queue_name == poll for job in jobs.values()):
        scopes = (pauses.queue_scope(name, "poll"),)
        queues.append(WorkQueue(poll, 3, JobRow, lambda _stopping: drain_jobs(ctx, jobs, poll), name, scopes))
    return queues


def _delivery_queues(ctx: Context, name: str) -> list[WorkQueue]:
    """Return a queue per action that the plugin declares; on a channel, also for each message."""
    queues, info = [], ctx.connector_info(name)
    for spec in ctx.actions.values():
        declared = info.action(spec.action)
        if declared is None and not (info.channel and spec.is_message):
            continue
        drain = partial(drain_deliveries, ctx, name, spec, declared.batch_size if declared else 1)
        queue_name, rank = delivery_queue(name, spec.action), 4 + spec.priority
        scopes = pause_scopes(name, spec)
        queues.append(WorkQueue(queue_name, rank, DeliveryRow, drain, name, scopes, is_delivery=True))
    return queues
