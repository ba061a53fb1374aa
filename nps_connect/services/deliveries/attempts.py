"""Attempts: every try of a delivery is recorded, append-only."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam, func, insert, literal, select
from sqlmodel import Session

from nps_connect.errors import DeliveryError, PluginError
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.columns import UtcDateTime
from nps_connect.ledger.tables import AttemptRow, DeliveryRow
from nps_connect.records.deliveries import Receipt
from nps_connect.services.action_spec import NotAttempted, SettledDelivery
from nps_connect.services.context import Context

_DELIVERY: Table = DeliveryRow.__table__  # type: ignore[attr-defined]
_NOW = bindparam("now", type_=UtcDateTime())

INSERT_ATTEMPTS = insert(AttemptRow.__table__)  # type: ignore[attr-defined]
INSERT_SUCCEEDED_ATTEMPTS = INSERT_ATTEMPTS.from_select(
    ["delivery_id", "started_at", "finished_at", "outcome"],
    select(_DELIVERY.c.id, func.coalesce(_DELIVERY.c.started_at, _NOW), _NOW, literal("succeeded"))
    .where(in_list(_DELIVERY.c.id, "ids"))
    .order_by(_DELIVERY.c.id),
)


def record_attempts(ctx: Context, session: Session, settled: Sequence[SettledDelivery], now: datetime) -> None:
    """Insert one row per attempt; those that succeeded without a note in one statement."""
    succeeded = [
        delivery.row.id or 0
        for delivery in settled
        if isinstance(delivery.outcome, Receipt) and delivery.outcome.note is None
    ]
    if succeeded:
        session.connection().execute(INSERT_SUCCEEDED_ATTEMPTS, {"ids": succeeded, "now": now})
    if len(succeeded) == len(settled):
        return
    recorded = set(succeeded)
    others = [
        _attempt_values(ctx, delivery, now)
        for delivery in settled
        if delivery.row.id not in recorded and not isinstance(delivery.outcome, NotAttempted)
    ]
    if others:
        session.connection().execute(INSERT_ATTEMPTS, others)


def error_kind(error: Exception) -> str:
    """Return the name of an error's kind in the ledger."""
    if isinstance(error, DeliveryError):
        return error.kind
    return "plugin" if isinstance(error, PluginError) else "bug"


def describe_error(ctx: Context, error: Exception) -> str:
    """Return what the ledger keeps of an error, without secrets: a sentence, or the traceback of a bug."""
    if isinstance(error, DeliveryError):
        return ctx.redact(error.message)[:1000]
    if isinstance(error, PluginError):
        return ctx.redact(str(error))[:1000]
    return ctx.redact("".join(traceback.format_exception(error)))[-4000:]


def _attempt_values(ctx: Context, delivery: SettledDelivery, now: datetime) -> dict[str, Any]:
    outcome = delivery.outcome
    values: dict[str, Any] = {
        "delivery_id": delivery.row.id,
        "started_at": delivery.started_at or now,
        "finished_at": now,
        "outcome": "succeeded",
        "message": outcome.note if isinstance(outcome, Receipt) else None,
        "status": None,
        "request_id": None,
        "exchange": None,
    }
    if isinstance(outcome, Exception):
        values |= {"outcome": error_kind(outcome), "message": describe_error(ctx, outcome)}
    if isinstance(outcome, DeliveryError):
        values |= {"status": outcome.status, "request_id": outcome.request_id, "exchange": outcome.exchange}
    return values
