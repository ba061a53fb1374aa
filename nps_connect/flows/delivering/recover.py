"""Recover: take over what a dead process left behind. Only rows that had started are doubtful."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from nps_connect.flows.context import Context
from nps_connect.flows.delivering.deliver import action_info
from nps_connect.ledger import claims
from nps_connect.ledger.columns import Work
from nps_connect.ledger.keeping import JobRow
from nps_connect.ledger.tables import DeliveryRow, EventRow, RawRequest

log = logging.getLogger(__name__)

INSIDE: tuple[type[Work], ...] = (RawRequest, EventRow, JobRow)
TABLES: tuple[type[Work], ...] = (*INSIDE, DeliveryRow)
AT_ONCE = 500


def recover(ctx: Context, *, after_restart: bool) -> int:
    """Give back or put in doubt what was running; returns how many lanes had any.

    Args:
        ctx: the joined parts.
        after_restart: no other process can be working (embedded mode): take everything that was running; else only
            what has outlived its lease.
    """
    now = ctx.clock()
    deadline = None if after_restart else now
    lanes: set[str] = set()
    for table in TABLES:
        found = AT_ONCE
        while found == AT_ONCE:
            with ctx.ledger.write() as session:
                rows = claims.lost(session, table, now=deadline, limit=AT_ONCE)
                for row in rows:
                    lanes.add(row.lane)
                    _take_back(ctx, row, now)
                found = len(rows)
    for lane in lanes:
        ctx.wake(lane)
    if lanes:
        log.warning("recovered what a stopped process left behind lanes=%s", ",".join(sorted(lanes)))
    return len(lanes)


def _take_back(ctx: Context, row: Work, now: datetime) -> None:
    started = row.started_at is not None
    row.lease_token = row.lease_until = row.started_at = None
    row.state = "pending"
    if not started or not isinstance(row, DeliveryRow):
        return
    row.last_error = "the process stopped in the middle of this try"
    rule: Any = action_info(ctx, row.connection, row.action).doubt if row.connection in ctx.connections else "hold"  # type: ignore[arg-type]
    if rule == "hold":
        row.state, row.hold, row.doubtful = "held", "it may have been sent already", True
    else:
        row.due_at, row.doubtful = now, rule == "look"
