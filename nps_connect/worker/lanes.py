"""Lanes: what the engine works off, in order of priority."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from nps_connect.flows.context import JOBS, Context, decide_lane, delivery_lane, parse_lane
from nps_connect.flows.decide import drain_decide
from nps_connect.flows.deliver import CUSTOMER_FACING, drain_deliveries
from nps_connect.flows.parse import drain_parse
from nps_connect.ledger import claims, pauses, quotas
from nps_connect.ledger.columns import Work
from nps_connect.ledger.keeping import JobRow
from nps_connect.ledger.tables import DeliveryRow, EventRow, RawRequest
from nps_connect.records.deliveries import Action
from nps_connect.worker.jobs import Job, drain_jobs

ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class Lane:
    """Work that is worked off in order, by one thread of a process at a time.

    Attributes:
        name: as in the table's `lane` column.
        rank: lower is served first: intake, then actions in the order of `Action`, then jobs.
        table: where its rows are.
        drain: works off one claim; returns how many rows it took.
        connection: whose quota the lane uses; none for work inside the house.
        scopes: any of these being paused stops the lane.
    """

    name: str
    rank: int
    table: type[Work]
    drain: Callable[[Callable[[], bool]], int]
    connection: str | None = None
    scopes: tuple[str, ...] = ()

    def next_due(self, ctx: Context) -> datetime | None:
        """When the lane's first row falls due; none if it is empty or stopped."""
        with ctx.ledger.read() as session:
            due = claims.next_due(session, self.table, self.name)
            if due is None or self.connection is None:
                return due
            stopped = pauses.current(session)
            if any(scope in stopped for scope in self.scopes):
                return None
            resting = quotas.paused_until(session, self.connection)
            return due if resting is None else max(due, resting)


def lanes_of(ctx: Context, jobs: dict[str, Job]) -> list[Lane]:
    """Every lane of this configuration, most urgent first."""
    lanes = [Lane(JOBS, 1, JobRow, lambda _stopping: drain_jobs(ctx, jobs))]
    for name in ctx.connections:
        lanes += _intake(ctx, name)
        if not ctx.shadow:
            lanes += _deliveries(ctx, name)
    return sorted(lanes, key=lambda lane: (lane.rank, lane.name))


def _intake(ctx: Context, name: str) -> list[Lane]:
    return [
        Lane(parse_lane(name), 2, RawRequest, lambda _stopping: drain_parse(ctx, name)),
        Lane(decide_lane(name), 3, EventRow, lambda _stopping: drain_decide(ctx, name)),
    ]


def _deliveries(ctx: Context, name: str) -> list[Lane]:
    info = ctx.info_of(name)
    able: set[str] = {known.action for known in info.actions}
    if info.channel:
        able |= {"send_fallback", "send_survey", "invite_review"}
    return [
        Lane(
            delivery_lane(name, action),
            4 + rank,
            DeliveryRow,
            lambda stopping, action=action: drain_deliveries(ctx, name, action, stopping=stopping),  # type: ignore[misc]
            name,
            _scopes(name, action),
        )
        for rank, action in enumerate(ACTIONS)
        if action in able
    ]


def _scopes(connection: str, action: str) -> tuple[str, ...]:
    own = (pauses.of_connection(connection), pauses.of_lane(connection, action))
    return (*own, pauses.MAIL) if action in CUSTOMER_FACING else own
