"""Settle: what each outcome means for its delivery, written with its attempt in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
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
from nps_connect.ledger import circuit_breakers, claims, cooldowns, pauses, quotas
from nps_connect.ledger.tables import DeliveryRow, InvitationRow
from nps_connect.records.connectors import ActionInfo
from nps_connect.records.deliveries import Action, CancelCode, HoldCode, Receipt, cancel_text
from nps_connect.rules.retry_plan import DEFAULT_PLANS, RetryPlan, next_attempt_at
from nps_connect.services.cases.cases import record_ticket
from nps_connect.services.context import Context
from nps_connect.services.deliveries.attempts import (
    DeliveryResult,
    SettledDelivery,
    describe_error,
    error_kind,
    record_attempts,
)
from nps_connect.services.deliveries.cancel import release_reservations
from nps_connect.services.deliveries.circuit_breaker import record_outcomes
from nps_connect.services.deliveries.preflight import NotAttempted
from nps_connect.services.deliveries.receipts import DuplicateReceipt
from nps_connect.services.invitations.reminders import CONFIRM_OPTION, plan_reminder, restore_reminder
from nps_connect.services.reviews import delivery_callbacks
from nps_connect.services.suppressions.bounces import record_smtp_refusal

log = logging.getLogger(__name__)

INDEPENDENT_ACTIONS = frozenset({"write_score", "write_opt_out", "send_alert", "send_fallback"})
"""Actions whose success means nothing for anything else."""
SURVEY_MAIL_ACTIONS = ("send_survey", "send_reminder")
MAX_BUG_ATTEMPTS = 3
BUG_RETRY_DELAY = timedelta(minutes=1)
DEFAULT_QUOTA_PAUSE = timedelta(seconds=10)
CREDENTIALS_RETRY_DELAY = timedelta(minutes=1)
"""How often a delivery is looked at that waits for another connection's credentials."""
NEVER_SKIPPED_ACTIONS = frozenset({"open_ticket", "send_alert", "send_fallback"})
"""A detractor must not die silently: here even a missing target is dead, and so reaches the fallback address."""

ColumnValues = dict[str, Any]


def settle_batch(
    ctx: Context,
    connection: str,
    action: Action,
    info: ActionInfo,
    settled: Sequence[SettledDelivery],
    token: str,
    *,
    called: bool = True,
    probe: bool = False,
) -> bool:
    """Write all outcomes in one transaction; false when the queue should rest now.

    Args:
        ctx: the joined parts.
        connection: who was called.
        action: for what.
        info: how the plugin takes the action.
        settled: the deliveries with what became of them.
        token: of the claim.
        called: the vendor was called (nothing is learnt of its health from deliveries that ended before).
        probe: it was the one call that goes first while the circuit breaker is open.
    """
    now = ctx.clock()
    woken: set[str] = set()
    well = True
    values = {one.row.id or 0: _settled_values(ctx, connection, action, info, one, now) for one in settled}
    with ctx.ledger.write() as session:
        held = claims.settle_many(session, DeliveryRow, values, token=token)
        if len(held) < len(values):
            log.warning("lease lost deliveries=%s", sorted(values.keys() - held))
        record_attempts(ctx, session, [one for one in settled if one.row.id in held], now)
        if called:
            well = record_outcomes(ctx, session, connection, action, [one.outcome for one in settled], probe=probe)
        elif probe:
            circuit_breakers.release_probe(session, pauses.connection_scope(connection), now=now)
        for one in settled:
            if one.row.id in held and not (isinstance(one.outcome, Receipt) and action in INDEPENDENT_ACTIONS):
                _apply_pause(ctx, session, connection, action, one.outcome, now)
                woken |= _update_dependents(ctx, session, one, values[one.row.id or 0], now)
    for queue_name in woken:
        ctx.wake(queue_name)
    return well and not any(isinstance(one.outcome, RateLimited | AuthFailed | NotAllowed) for one in settled)


def _settled_values(
    ctx: Context, connection: str, action: Action, info: ActionInfo, one: SettledDelivery, now: datetime
) -> ColumnValues:
    outcome = one.outcome
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
        if outcome.state in ("held", "pending"):
            return _hold_values(outcome) | ({"due_at": outcome.until} if outcome.until is not None else {})
        if outcome.cancel_code is None:
            return _final_values(outcome.state, now) | {"last_error": outcome.detail}
        reason = cancel_text(outcome.cancel_code, outcome.detail)
        return _final_values("cancelled", now) | {"cancel_code": outcome.cancel_code, "last_error": reason}
    failed: ColumnValues = {"last_error": describe_error(ctx, outcome), "error_kind": error_kind(outcome)}
    if isinstance(outcome, DuplicateReceipt):
        return failed | _hold_values(NotAttempted.held(HoldCode.DUPLICATE_RECEIPT))
    if isinstance(outcome, OutcomeUnknown | PluginError):
        return failed | _values_in_doubt(ctx, action, info, one.row, now)
    if isinstance(outcome, DeliveryError):
        return failed | _values_after_error(ctx, connection, action, one.row, outcome, now)
    if one.called and info.doubt == "hold":  # nobody knows how far it came
        return failed | _hold_values(NotAttempted.held(HoldCode.IN_DOUBT)) | {"in_doubt": True}
    return (
        failed | _values_after_bug(one.row, now) | ({"in_doubt": True} if one.called and info.doubt == "look" else {})
    )


def _values_after_error(
    ctx: Context, connection: str, action: Action, row: DeliveryRow, error: DeliveryError, now: datetime
) -> ColumnValues:
    if isinstance(error, RateLimited):
        return {"state": "pending", "due_at": max(error.until or now + DEFAULT_QUOTA_PAUSE, now)}
    if isinstance(error, RetryLater):
        return _values_for_retry(ctx, action, row, now, error.after)
    if isinstance(error, AuthFailed | NotAllowed):
        elsewhere = error.connection not in (None, connection)  # people are looked up at their own connection
        return {"state": "pending", "due_at": now + CREDENTIALS_RETRY_DELAY if elsewhere else now}
    if isinstance(error, TargetGone) and action not in NEVER_SKIPPED_ACTIONS:
        return _final_values("skipped", now)
    if isinstance(error, Rejected | TargetGone):
        return _final_values("dead", now) | {"attempts": row.attempts + 1}
    return _values_after_bug(row, now)


def _values_in_doubt(ctx: Context, action: Action, info: ActionInfo, row: DeliveryRow, now: datetime) -> ColumnValues:
    if info.doubt == "hold":
        return _hold_values(NotAttempted.held(HoldCode.IN_DOUBT)) | {"in_doubt": True}
    return _values_for_retry(ctx, action, row, now, None) | {"in_doubt": info.doubt == "look"}


def _values_for_retry(
    ctx: Context, action: Action, row: DeliveryRow, now: datetime, after: timedelta | None
) -> ColumnValues:
    attempts = row.attempts + 1
    first = row.first_started_at or now
    due = next_attempt_at(retry_plan_for(ctx, action), attempts, first, now, ctx.random.random(), after)
    if due is None:
        return _final_values("dead", now) | {"attempts": attempts}
    return {"state": "pending", "due_at": due, "attempts": attempts}


def retry_plan_for(ctx: Context, action: Action) -> RetryPlan:
    """The configured retry plan of an action, or the built-in one."""
    own = ctx.settings.delivery.retry.get(action)
    return RetryPlan(own.delays, own.jitter, own.total) if own else DEFAULT_PLANS[action]


def _values_after_bug(row: DeliveryRow, now: datetime) -> ColumnValues:
    attempts = row.attempts + 1
    if attempts >= MAX_BUG_ATTEMPTS:
        return _final_values("dead", now) | {"attempts": attempts}
    return {"state": "pending", "due_at": now + BUG_RETRY_DELAY, "attempts": attempts}


def _final_values(state: str, now: datetime) -> ColumnValues:
    return {"state": state, "finished_at": now, "hold_code": None, "hold_detail": None}


def _hold_values(stopped: NotAttempted) -> ColumnValues:
    return {"state": stopped.state, "hold_code": stopped.hold_code, "hold_detail": stopped.detail}


def _apply_pause(
    ctx: Context, session: Session, connection: str, action: Action, outcome: DeliveryResult, now: datetime
) -> None:
    """429 rests the quota, 401 stops the connection, 403 this action; what is due stays. Told once."""
    here = getattr(outcome, "connection", None) or connection
    if isinstance(outcome, RateLimited):
        quotas.pause_quota(session, here, outcome.quota, until=outcome.until or now + DEFAULT_QUOTA_PAUSE)
        return
    if isinstance(outcome, AuthFailed):
        scope, cause = pauses.connection_scope(here), "auth"
    elif isinstance(outcome, NotAllowed):
        scope, cause = pauses.queue_scope(here, action), "not_allowed"
    else:
        return
    missing = f" (missing: {outcome.scope})" if isinstance(outcome, NotAllowed) and outcome.scope else ""
    reason = describe_error(ctx, outcome) + missing
    if pauses.pause(session, scope, cause="auth" if cause == "auth" else "not_allowed", reason=reason, now=now):
        log.error("stopped %s: %s; mend it, then run: nps-connect resume %s", scope, reason, scope)


def _update_dependents(
    ctx: Context, session: Session, one: SettledDelivery, values: ColumnValues, now: datetime
) -> set[str]:
    """What an ending means for others: cooldown, invitation, deliveries that waited for this one."""
    row, state = one.row, values["state"]
    if isinstance(one.outcome, Receipt):
        record_ticket(ctx, session, row, one.outcome.id, now)
    if one.called and isinstance(one.outcome, Rejected):
        record_smtp_refusal(ctx, session, row, one.outcome)
    if row.action == "invite_review":
        return delivery_callbacks.on_settled(ctx, session, row, values, now)
    if row.action in SURVEY_MAIL_ACTIONS:
        return _settle_survey_mail(ctx, session, row, values, now)
    if row.action == "open_ticket" and state in ("succeeded", "cancelled", "skipped"):
        waiting: ColumnValues = (
            {"state": "pending", "hold_code": None, "due_at": now}
            if state == "succeeded"
            else _final_values("cancelled", now)
            | {
                "cancel_code": CancelCode.DEPENDENCY_CANCELLED,
                "last_error": cancel_text(CancelCode.DEPENDENCY_CANCELLED, "its ticket was not opened"),
            }
        )
        queues = session.execute(
            update(DeliveryRow)
            .where(col(DeliveryRow.depends_on_id) == row.id, col(DeliveryRow.state) == "held")
            .values(**waiting)
            .returning(col(DeliveryRow.queue_name))
            .execution_options(synchronize_session=False)
        ).scalars()
        return set(queues)
    return set()


def _settle_survey_mail(
    ctx: Context, session: Session, row: DeliveryRow, values: ColumnValues, now: datetime
) -> set[str]:
    """A survey's mail, or a reminder of it, has come to its end; the queues with new work."""
    invitation = session.get(InvitationRow, row.invitation_id) if values["state"] == "succeeded" else None
    if invitation is not None:
        if row.action == "send_survey":
            invitation.state, invitation.sent_at = "sent", now
            cooldowns.confirm(session, invitation.id or 0, until=now + ctx.settings.limits.cooldown)
        plan_reminder(ctx, session, invitation, now, after=row)
    elif values["state"] in ("cancelled", "skipped", "dead"):
        reason = values.get("last_error") or values["state"]
        release_reservations(session, row, reason=reason, cooldown=ctx.settings.limits.cooldown, now=now)
    return (
        restore_reminder(session, row, now)
        if values["state"] == "cancelled" and CONFIRM_OPTION in row.options
        else set()
    )
