"""Queues: what the engine works off, in order of priority."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from nps_connect.ledger import circuit_breakers, claims, pauses, quotas
from nps_connect.ledger.columns import QueuedRow
from nps_connect.ledger.operational_tables import JobRow
from nps_connect.ledger.tables import DeliveryRow, EventRow, RawRequest
from nps_connect.records.deliveries import Action
from nps_connect.services.context import JOBS_QUEUE, Context, decide_queue, delivery_queue, parse_queue, poll_queue
from nps_connect.services.decisions.drain_events import drain_events
from nps_connect.services.deliveries.deliver import drain_deliveries, pause_scopes
from nps_connect.services.intake.parse import drain_requests
from nps_connect.worker.jobs import PeriodicJob, drain_jobs

ACTION_NAMES: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class WorkQueue:
    """Work that is worked off in the order of its due times, by one thread or several.

    Attributes:
        name: as in the table's `queue` column.
        rank: lower is served first: intake, then actions in the order of `Action`, then jobs.
        table: where its rows are.
        drain: works off one claim; returns how many rows it took.
        connection: for whom the queue works; none for work inside the application.
        scopes: any of these being paused stops the queue.
        delivers: the queue calls the vendor for deliveries, so quota and circuit breaker hold it back.
    """

    name: str
    rank: int
    table: type[QueuedRow]
    drain: Callable[[Callable[[], bool]], int]
    connection: str | None = None
    scopes: tuple[str, ...] = ()
    is_delivery: bool = False

    def next_due(self, ctx: Context) -> datetime | None:
        """When the queue's first row falls due; none if it is empty or stopped."""
        with ctx.ledger.read() as session:
            due = claims.next_due(session, self.table, self.name)
            if due is None or self.connection is None:
                return due
            stopped = pauses.load_paused_scopes(session)
            if any(scope in stopped for scope in self.scopes):
                return None
            if not self.is_delivery:
                return due
            resting = quotas.paused_until(session, self.connection)
            broken = circuit_breakers.open_until(session, pauses.connection_scope(self.connection))
            return max(moment for moment in (due, resting, broken) if moment is not None)


def build_queues(ctx: Context, jobs: dict[str, PeriodicJob]) -> list[WorkQueue]:
    """Every queue of this configuration, most urgent first."""
    queues = [WorkQueue(JOBS_QUEUE, 4 + len(ACTION_NAMES), JobRow, lambda _stopping: drain_jobs(ctx, jobs))]
    for name in ctx.connections:
        queues += _intake_queues(ctx, name, jobs)
        if not ctx.shadow:
            queues += _delivery_queues(ctx, name)
    return sorted(queues, key=lambda queue_name: (queue_name.rank, queue_name.name))


def _intake_queues(ctx: Context, name: str, jobs: dict[str, PeriodicJob]) -> list[WorkQueue]:
    parse, decide, poll = parse_queue(name), decide_queue(name), poll_queue(name)
    queues = [
        WorkQueue(
            parse,
            2,
            RawRequest,
            lambda _stopping: drain_requests(ctx, name),
            name,
            (pauses.queue_scope(name, "parse"),),
        ),
        WorkQueue(
            decide, 3, EventRow, lambda _stopping: drain_events(ctx, name), name, (pauses.queue_scope(name, "decide"),)
        ),
    ]
    if any(job.queue_name == poll for job in jobs.values()):
        scopes = (pauses.queue_scope(name, "poll"),)
        queues.append(WorkQueue(poll, 3, JobRow, lambda _stopping: drain_jobs(ctx, jobs, poll), name, scopes))
    return queues


def _delivery_queues(ctx: Context, name: str) -> list[WorkQueue]:
    info = ctx.connector_info(name)
    able: set[str] = {known.action for known in info.actions}
    if info.channel:
        able |= {"send_fallback", "send_survey", "send_reminder", "invite_review"}
    return [
        WorkQueue(
            delivery_queue(name, action),
            4 + rank,
            DeliveryRow,
            lambda stopping, action=action: drain_deliveries(ctx, name, action, stopping=stopping),  # type: ignore[misc]
            name,
            pause_scopes(name, action),
            is_delivery=True,
        )
        for rank, action in enumerate(ACTION_NAMES)
        if action in able
    ]
