"""Settle deliveries: what each outcome means for its delivery, written with its attempt in one transaction."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, func, insert, literal, select
from sqlmodel import Session, col

from nps_connect.errors import (
    AuthFailed,
    DeliveryError,
    NotAllowed,
    OutcomeUnknown,
    PluginError,
    RateLimited,
    Rejected,
    RetryLater,
    TargetGone,
)
from nps_connect.ledger import claims
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.columns import UtcDateTime
from nps_connect.ledger.tables import AttemptRow, DeliveryRow
from nps_connect.records.actions import HoldCode, cancel_text
from nps_connect.records.deliveries import Receipt
from nps_connect.rules.retry_plan import next_attempt_at
from nps_connect.services.action_spec import AbandonedDelivery, ActionSpec, NotAttempted, SettledDelivery
from nps_connect.services.context import Context
from nps_connect.services.deliveries.circuit_breaker import DEFAULT_QUOTA_PAUSE, pause_after_refusal
from nps_connect.services.deliveries.late_outcomes import settle_late

MAX_BUG_ATTEMPTS = 3
BUG_RETRY_DELAY = timedelta(minutes=1)
CREDENTIALS_RETRY_DELAY = timedelta(minutes=1)
"""When a delivery is due again that waits for another connection's credentials."""

IN_DOUBT_HOLD = {"state": "held", "hold_code": HoldCode.IN_DOUBT, "hold_detail": None, "in_doubt": True}

_NO_HOLD = {"hold_code": None, "hold_detail": None}
"""After an attempt: what a delivery had waited for before is over."""

_DELIVERY = DeliveryRow.__table__
_NOW = bindparam("now", type_=UtcDateTime())

_INSERT_ATTEMPTS = insert(AttemptRow.__table__)
_INSERT_SUCCEEDED_ATTEMPTS = _INSERT_ATTEMPTS.from_select(
    ["delivery_id", "started_at", "finished_at", "outcome"],
    select(_DELIVERY.c.id, func.coalesce(_DELIVERY.c.started_at, _NOW), _NOW, literal("succeeded"))
    .where(in_list(_DELIVERY.c.id, "ids"))
    .order_by(_DELIVERY.c.id),
)

ColumnValues = dict[str, Any]
InDoubtRule = Literal["look", "resend", "hold"]


class DuplicateReceipt(PluginError):
    """A plugin returned the receipt of another delivery: an operator must decide."""


def in_doubt_rule(ctx: Context, connection: str, action: str) -> InDoubtRule:
    """Return what happens to a delivery in doubt: look if the plugin can, else what the action says."""
    if connection not in ctx.connections:
        return "hold"
    return "look" if ctx.has(connection, "nps_find_existing") else ctx.actions[action].in_doubt


def settle(
    ctx: Context, session: Session, connection: str, spec: ActionSpec, settled: Sequence[SettledDelivery], token: str
) -> set[str]:
    """Write outcomes with their attempts and consequences; return the queues with new work.

    A delivery whose lease was lost is settled by whoever has it now; if nobody has, a receipt settles it.
    """
    now = ctx.clock()
    queue_names: set[str] = set()
    values: dict[int, ColumnValues] = {}
    for delivery in settled:
        values[delivery.row.id or 0] = _settled_values(ctx, connection, spec, delivery, now)
    written = claims.settle_many(session, DeliveryRow, values, token=token)
    if len(written) < len(values):
        lost = {row_id: columns for row_id, columns in values.items() if row_id not in written}
        written |= settle_late(session, spec, settled, lost, token, now, queue_names)
        settled = [delivery for delivery in settled if delivery.row.id in written]
    _record_attempts(ctx, session, settled, now)
    succeeded: list[SettledDelivery] = []
    failed: list[SettledDelivery] = []
    abandoned: list[AbandonedDelivery] = []
    for delivery in settled:
        if isinstance(delivery.outcome, Receipt):
            succeeded.append(delivery)
            continue
        failed.append(delivery)
        if isinstance(delivery.outcome, DeliveryError):
            pause_after_refusal(ctx, session, connection, spec, delivery.outcome, now)
        outcome = values[delivery.row.id or 0]
        if (state := outcome["state"]) in ("cancelled", "skipped", "dead"):
            reason = outcome.get("last_error") or state
            abandoned.append(AbandonedDelivery(delivery.row, state, reason, outcome.get("cancel_code")))
    if spec.handler.on_success is not None and succeeded:
        queue_names |= spec.handler.on_success(ctx, session, succeeded, now)
    if spec.handler.on_failure is not None and failed:
        queue_names |= spec.handler.on_failure(ctx, session, failed, now)
    if spec.handler.release is not None and abandoned:
        queue_names |= spec.handler.release(session, abandoned, ctx.settings, now)
    return queue_names


def reject_duplicate_receipts(
    ctx: Context, connection: str, spec: ActionSpec, settled: Sequence[SettledDelivery]
) -> list[SettledDelivery]:
    """Return the outcomes with `DuplicateReceipt` in place of receipts that belong to another delivery."""
    counts: Counter[str] = Counter()
    delivery_ids: list[int | None] = []
    for delivery in settled:
        delivery_ids.append(delivery.row.id)
        if isinstance(delivery.outcome, Receipt):
            counts[delivery.outcome.id] += 1
    query = select(col(DeliveryRow.receipt_id)).where(
        col(DeliveryRow.connection) == connection,
        col(DeliveryRow.receipt_id).in_(counts),
        col(DeliveryRow.action) == spec.action,
        col(DeliveryRow.id).not_in(delivery_ids),
    )
    with ctx.ledger.read() as session:
        foreign = set(session.execute(query).scalars())
    checked: list[SettledDelivery] = []
    for delivery in settled:
        outcome = delivery.outcome
        if isinstance(outcome, Receipt) and (outcome.id in foreign or counts[outcome.id] > 1):
            problem = f"returned the receipt of another delivery ({outcome.id})"
            outcome = DuplicateReceipt(ctx.connections[connection].settings.plugin, problem)
        checked.append(delivery._replace(outcome=outcome))
    return checked


def _settled_values(
    ctx: Context, connection: str, spec: ActionSpec, delivery: SettledDelivery, now: datetime
) -> ColumnValues:
    outcome = delivery.outcome
    if isinstance(outcome, Receipt):
        return _final_values("succeeded", now) | {
            "receipt_id": outcome.id,
            "receipt_link": outcome.link,
            "receipt_note": outcome.note,
            "in_doubt": False,
            "error_kind": None,
            "last_error": None,
        }
    if isinstance(outcome, NotAttempted):
        return not_attempted_values(outcome, now)
    failed: ColumnValues = {"last_error": _describe_error(ctx, outcome), "error_kind": _error_kind(outcome)}
    if isinstance(outcome, DuplicateReceipt):
        return failed | not_attempted_values(NotAttempted.held(HoldCode.DUPLICATE_RECEIPT), now)
    rule = in_doubt_rule(ctx, connection, spec.action)
    if isinstance(outcome, OutcomeUnknown | PluginError):
        if rule == "hold":
            return failed | IN_DOUBT_HOLD
        return failed | _retry_values(ctx, spec, delivery, now, None) | {"in_doubt": rule == "look"}
    if isinstance(outcome, DeliveryError):
        return failed | _values_after_error(ctx, connection, spec, delivery, outcome, now)
    if delivery.called and rule == "hold":  # the bug may have come after the effect
        return failed | IN_DOUBT_HOLD
    in_doubt = {"in_doubt": True} if delivery.called and rule == "look" else {}
    return failed | _values_after_bug(delivery.row, now) | in_doubt


def not_attempted_values(stopped: NotAttempted, now: datetime) -> ColumnValues:
    """Return the new column values of a delivery that is not attempted."""
    if stopped.state in ("held", "pending"):
        values = {"state": stopped.state, "hold_code": stopped.hold_code, "hold_detail": stopped.detail}
        return values if stopped.until is None else {**values, "due_at": stopped.until}
    if stopped.cancel_code is None:
        return _final_values(stopped.state, now) | {"last_error": stopped.detail}
    reason = cancel_text(stopped.cancel_code, stopped.detail)
    return _final_values("cancelled", now) | {"cancel_code": stopped.cancel_code, "last_error": reason}


def _values_after_error(
    ctx: Context, connection: str, spec: ActionSpec, delivery: SettledDelivery, error: DeliveryError, now: datetime
) -> ColumnValues:
    if isinstance(error, RateLimited):
        return {"state": "pending", "due_at": max(error.until or now + DEFAULT_QUOTA_PAUSE, now)}
    if isinstance(error, RetryLater):
        return _retry_values(ctx, spec, delivery, now, error.after)
    if isinstance(error, AuthFailed | NotAllowed):
        elsewhere = error.connection not in (None, connection)  # contacts are looked up at their own connection
        return {"state": "pending", "due_at": now + CREDENTIALS_RETRY_DELAY if elsewhere else now}
    if isinstance(error, TargetGone) and spec.can_be_skipped:
        return _final_values("skipped", now)
    if isinstance(error, Rejected | TargetGone):
        return _final_values("dead", now) | {"attempts": delivery.row.attempts + 1}
    return _values_after_bug(delivery.row, now)


def _retry_values(
    ctx: Context, spec: ActionSpec, delivery: SettledDelivery, now: datetime, after: timedelta | None
) -> ColumnValues:
    attempts = delivery.row.attempts + 1
    first = delivery.row.first_started_at or delivery.started_at or now
    due_at = next_attempt_at(spec.plan(ctx.settings), attempts, first, now, ctx.random.random(), after)
    if due_at is None:
        return _final_values("dead", now) | {"attempts": attempts}
    return {"state": "pending", "due_at": due_at, "attempts": attempts} | _NO_HOLD


def _values_after_bug(row: DeliveryRow, now: datetime) -> ColumnValues:
    attempts = row.attempts + 1
    if attempts >= MAX_BUG_ATTEMPTS:
        return _final_values("dead", now) | {"attempts": attempts}
    return {"state": "pending", "due_at": now + BUG_RETRY_DELAY, "attempts": attempts} | _NO_HOLD


def _final_values(state: str, now: datetime) -> ColumnValues:
    return {"state": state, "finished_at": now} | _NO_HOLD


def _record_attempts(ctx: Context, session: Session, settled: Sequence[SettledDelivery], now: datetime) -> None:
    """Insert one row per attempt; those that succeeded without a note in one statement."""
    succeeded: list[int] = []
    others: list[dict[str, Any]] = []
    for delivery in settled:
        if isinstance(delivery.outcome, Receipt) and delivery.outcome.note is None:
            succeeded.append(delivery.row.id or 0)
        elif not isinstance(delivery.outcome, NotAttempted):
            others.append(_attempt_values(ctx, delivery, now))
    if succeeded:
        session.connection().execute(_INSERT_SUCCEEDED_ATTEMPTS, {"ids": succeeded, "now": now})
    if others:
        session.connection().execute(_INSERT_ATTEMPTS, others)


def _error_kind(error: Exception) -> str:
    """Return the name of an error's kind in the ledger."""
    if isinstance(error, DeliveryError):
        return error.kind
    return "plugin" if isinstance(error, PluginError) else "bug"


def _describe_error(ctx: Context, error: Exception) -> str:
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
        values |= {"outcome": _error_kind(outcome), "message": _describe_error(ctx, outcome)}
    if isinstance(outcome, DeliveryError):
        values |= {"status": outcome.status, "request_id": outcome.request_id, "exchange": outcome.exchange}
    return values
