"""Lanes: what the engine works off, in order of priority."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from nps_connect.flows.context import JOBS, Context, decide_lane, delivery_lane, parse_lane, poll_lane
from nps_connect.flows.deciding.decide import drain_decide
from nps_connect.flows.delivering.deliver import drain_deliveries, scopes_of
from nps_connect.flows.intake.parse import drain_parse
from nps_connect.ledger import breakers, claims, pauses, quotas
from nps_connect.ledger.columns import Work
from nps_connect.ledger.keeping import JobRow
from nps_connect.ledger.tables import DeliveryRow, EventRow, RawRequest
from nps_connect.records.deliveries import Action
from nps_connect.worker.jobs import Job, drain_jobs

ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class Lane:
    """Work that is worked off in the order of its due times, by one thread or several.

    Attributes:
        name: as in the table's `lane` column.
        rank: lower is served first: intake, then actions in the order of `Action`, then jobs.
        table: where its rows are.
        drain: works off one claim; returns how many rows it took.
        connection: for whom the lane works; none for work inside the house.
        scopes: any of these being paused stops the lane.
        delivers: the lane calls the vendor for deliveries, so quota and circuit breaker hold it back.
    """

    name: str
    rank: int
    table: type[Work]
    drain: Callable[[Callable[[], bool]], int]
    connection: str | None = None
    scopes: tuple[str, ...] = ()
    delivers: bool = False

    def next_due(self, ctx: Context) -> datetime | None:
        """When the lane's first row falls due; none if it is empty or stopped."""
        with ctx.ledger.read() as session:
            due = claims.next_due(session, self.table, self.name)
            if due is None or self.connection is None:
                return due
            stopped = pauses.stopped(session)
            if any(scope in stopped for scope in self.scopes):
                return None
            if not self.delivers:
                return due
            resting = quotas.paused_until(session, self.connection)
            broken = breakers.open_until(session, pauses.of_connection(self.connection))
            return max(moment for moment in (due, resting, broken) if moment is not None)


def lanes_of(ctx: Context, jobs: dict[str, Job]) -> list[Lane]:
    """Every lane of this configuration, most urgent first."""
    lanes = [Lane(JOBS, 4 + len(ACTIONS), JobRow, lambda _stopping: drain_jobs(ctx, jobs))]
    for name in ctx.connections:
        lanes += _intake(ctx, name, jobs)
        if not ctx.shadow:
            lanes += _deliveries(ctx, name)
    return sorted(lanes, key=lambda lane: (lane.rank, lane.name))


def _intake(ctx: Context, name: str, jobs: dict[str, Job]) -> list[Lane]:
    parse, decide, poll = parse_lane(name), decide_lane(name), poll_lane(name)
    lanes = [
        Lane(parse, 2, RawRequest, lambda _stopping: drain_parse(ctx, name), name, (pauses.of_lane(name, "parse"),)),
        Lane(decide, 3, EventRow, lambda _stopping: drain_decide(ctx, name), name, (pauses.of_lane(name, "decide"),)),
    ]
    if any(job.lane == poll for job in jobs.values()):
        scopes = (pauses.of_lane(name, "poll"),)
        lanes.append(Lane(poll, 3, JobRow, lambda _stopping: drain_jobs(ctx, jobs, poll), name, scopes))
    return lanes


def _deliveries(ctx: Context, name: str) -> list[Lane]:
    info = ctx.info_of(name)
    able: set[str] = {known.action for known in info.actions}
    if info.channel:
        able |= {"send_fallback", "send_survey", "send_reminder", "invite_review"}
    return [
        Lane(
            delivery_lane(name, action),
            4 + rank,
            DeliveryRow,
            lambda stopping, action=action: drain_deliveries(ctx, name, action, stopping=stopping),  # type: ignore[misc]
            name,
            scopes_of(name, action),
            delivers=True,
        )
        for rank, action in enumerate(ACTIONS)
        if action in able
    ]
