"""Attempts: every try of a delivery leaves one, append-only."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam, func, insert, literal, select
from sqlmodel import Session

from nps_connect.errors import DeliveryError, PluginError
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.columns import UtcDateTime
from nps_connect.ledger.tables import AttemptRow, DeliveryRow
from nps_connect.records.deliveries import Receipt
from nps_connect.services.context import Context
from nps_connect.services.deliveries.preflight import NotAttempted

DeliveryResult = Receipt | NotAttempted | Exception
"""What became of a delivery: it went well, it ended without a call, or it failed."""

_DELIVERY: Table = DeliveryRow.__table__  # type: ignore[attr-defined]
_NOW = bindparam("now", type_=UtcDateTime())

INSERT_ATTEMPTS = insert(AttemptRow.__table__)  # type: ignore[attr-defined]
INSERT_SUCCEEDED_ATTEMPTS = INSERT_ATTEMPTS.from_select(
    ["delivery_id", "started_at", "finished_at", "outcome"],
    select(_DELIVERY.c.id, func.coalesce(_DELIVERY.c.started_at, _NOW), _NOW, literal("succeeded"))
    .where(in_list(_DELIVERY.c.id, "ids"))
    .order_by(_DELIVERY.c.id),
)


@dataclass(frozen=True)
class SettledDelivery:
    """A delivery, what became of it, and whether the plugin was called for it."""

    row: DeliveryRow
    outcome: DeliveryResult
    called: bool = False


def record_attempts(ctx: Context, session: Session, settled: Sequence[SettledDelivery], now: datetime) -> None:
    """One attempt per try; those that went plainly well by one statement."""
    plain = [one.row.id or 0 for one in settled if isinstance(one.outcome, Receipt) and one.outcome.note is None]
    if plain:
        session.connection().execute(INSERT_SUCCEEDED_ATTEMPTS, {"ids": plain, "now": now})
    known = set(plain)
    other = [one for one in settled if one.row.id not in known and not isinstance(one.outcome, NotAttempted)]
    if other:
        session.connection().execute(INSERT_ATTEMPTS, [_attempt_values(ctx, one, now) for one in other])


def error_kind(error: Exception) -> str:
    """The word for an error in the ledger."""
    if isinstance(error, DeliveryError):
        return error.kind
    return "plugin" if isinstance(error, PluginError) else "bug"


def describe_error(ctx: Context, error: Exception) -> str:
    """What the ledger keeps of an error, without secrets: a sentence, or a bug's traceback."""
    if isinstance(error, DeliveryError):
        return ctx.redact(error.message)[:1000]
    if isinstance(error, PluginError):
        return ctx.redact(str(error))[:1000]
    return ctx.redact("".join(traceback.format_exception(error)))[-4000:]


def _attempt_values(ctx: Context, one: SettledDelivery, now: datetime) -> dict[str, Any]:
    outcome = one.outcome
    row: dict[str, Any] = {
        "delivery_id": one.row.id,
        "started_at": one.row.started_at or now,
        "finished_at": now,
        "outcome": "succeeded",
        "message": outcome.note if isinstance(outcome, Receipt) else None,
        "status": None,
        "request_id": None,
        "exchange": None,
    }
    if isinstance(outcome, Exception):
        row |= {"outcome": error_kind(outcome), "message": describe_error(ctx, outcome)}
    if isinstance(outcome, DeliveryError):
        row |= {"status": outcome.status, "request_id": outcome.request_id, "exchange": outcome.exchange}
    return row
