"""Recover: take over what a dead process left behind. Only rows that had started are in_doubt."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from nps_connect.ledger import claims
from nps_connect.ledger.columns import QueuedRow
from nps_connect.ledger.jobs import JobRow
from nps_connect.ledger.tables import DeliveryRow, EventRow, RawRequest
from nps_connect.records.deliveries import HoldCode
from nps_connect.services.context import Context
from nps_connect.services.deliveries.deliver import action_info

log = logging.getLogger(__name__)

INTERNAL_TABLES: tuple[type[QueuedRow], ...] = (RawRequest, EventRow, JobRow)
CLAIMABLE_TABLES: tuple[type[QueuedRow], ...] = (*INTERNAL_TABLES, DeliveryRow)
RECOVER_BATCH_SIZE = 500


def recover(ctx: Context, *, after_restart: bool) -> int:
    """Give back or put in doubt what was running; returns how many queues had any.

    Args:
        ctx: the joined parts.
        after_restart: no other process can be working (embedded mode): take everything that was running; else only
            what has outlived its lease.
    """
    now = ctx.clock()
    deadline = None if after_restart else now
    queues: set[str] = set()
    for table in CLAIMABLE_TABLES:
        found = RECOVER_BATCH_SIZE
        while found == RECOVER_BATCH_SIZE:
            with ctx.ledger.write() as session:
                rows = claims.lock_expired(session, table, now=deadline, limit=RECOVER_BATCH_SIZE)
                for row in rows:
                    queues.add(row.queue_name)
                    _requeue(ctx, row, now)
                found = len(rows)
    for queue_name in queues:
        ctx.wake(queue_name)
    if queues:
        log.warning("recovered what a stopped process left behind queues=%s", ",".join(sorted(queues)))
    return len(queues)


def _requeue(ctx: Context, row: QueuedRow, now: datetime) -> None:
    started = row.started_at is not None
    row.lease_token = row.lease_until = row.started_at = None
    row.state = "pending"
    if not started or not isinstance(row, DeliveryRow):
        return
    row.last_error = "the process stopped in the middle of this try"
    rule: Any = action_info(ctx, row.connection, row.action).doubt if row.connection in ctx.connections else "hold"  # type: ignore[arg-type]
    if rule == "hold":
        row.state, row.hold_code, row.in_doubt = "held", HoldCode.IN_DOUBT, True
    else:
        row.due_at, row.in_doubt = now, rule == "look"
