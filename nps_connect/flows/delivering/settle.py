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
    Doubtful,
    NotAllowed,
    PluginError,
    RateLimited,
    Rejected,
    RetryLater,
    TargetGone,
)
from nps_connect.flows.contacts.bounces import refused_at_once
from nps_connect.flows.context import Context
from nps_connect.flows.delivering.attempts import Outcome, Settled, kind_of, record, told
from nps_connect.flows.delivering.cancel import forsake
from nps_connect.flows.delivering.endings import Ending
from nps_connect.flows.delivering.receipts import ForeignReceipt
from nps_connect.flows.inviting.remind import CONFIRM, bring_back, plan_reminder
from nps_connect.flows.minding.health import note
from nps_connect.flows.reviewing import sending
from nps_connect.flows.routing.cases import note_ticket
from nps_connect.ledger import breakers, claims, cooldowns, pauses, quotas
from nps_connect.ledger.tables import DeliveryRow, InvitationRow
from nps_connect.records.connectors import ActionInfo
from nps_connect.records.deliveries import Action, Receipt
from nps_connect.rules.retrying import DEFAULT_PLANS, RetryPlan, next_try

log = logging.getLogger(__name__)

ENDS_ALONE = frozenset({"write_score", "write_opt_out", "send_alert", "send_fallback"})
"""Actions whose success means nothing for anything else."""
SURVEY_MAIL = ("send_survey", "send_reminder")
MAYBE = "it may have been sent already"
BUG_TRIES = 3
BUG_WAIT = timedelta(minutes=1)
QUOTA_WAIT = timedelta(seconds=10)
PATIENCE = timedelta(minutes=1)
"""How often a delivery is looked at that waits for another connection's credentials."""
MUST_NOT_VANISH = frozenset({"open_ticket", "send_alert", "send_fallback"})
"""A detractor must not die silently: here even a missing target is dead, and so reaches the fallback address."""

Values = dict[str, Any]


def settle_batch(
    ctx: Context,
    connection: str,
    action: Action,
    info: ActionInfo,
    settled: Sequence[Settled],
    token: str,
    *,
    called: bool = True,
    probe: bool = False,
) -> bool:
    """Write all outcomes in one transaction; false when the lane should rest now.

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
    values = {one.row.id or 0: _values(ctx, connection, action, info, one, now) for one in settled}
    with ctx.ledger.write() as session:
        held = claims.write_each(session, DeliveryRow, values, token=token)
        if len(held) < len(values):
            log.warning("lease lost deliveries=%s", sorted(values.keys() - held))
        record(ctx, session, [one for one in settled if one.row.id in held], now)
        if called:
            well = note(ctx, session, connection, action, [one.outcome for one in settled], probe=probe)
        elif probe:
            breakers.give_back(session, pauses.of_connection(connection), now=now)
        for one in settled:
            if one.row.id in held and not (isinstance(one.outcome, Receipt) and action in ENDS_ALONE):
                _hold_back(ctx, session, connection, action, one.outcome, now)
                woken |= _follow_up(ctx, session, one, values[one.row.id or 0], now)
    for lane in woken:
        ctx.wake(lane)
    return well and not any(isinstance(one.outcome, RateLimited | AuthFailed | NotAllowed) for one in settled)


def _values(ctx: Context, connection: str, action: Action, info: ActionInfo, one: Settled, now: datetime) -> Values:
    outcome = one.outcome
    if isinstance(outcome, Receipt):
        return _ended("succeeded", now) | {
            "receipt_id": outcome.id,
            "receipt_link": outcome.link,
            "receipt_note": outcome.note,
            "doubtful": False,
            "error_kind": None,
            "last_error": None,
        }
    if isinstance(outcome, Ending):
        if outcome.state == "held":
            return {"state": "held", "hold": outcome.reason}
        if outcome.state == "pending":
            return {"state": "pending", "hold": outcome.reason, "due_at": outcome.until or now}
        return _ended(outcome.state, now) | {"last_error": outcome.reason}
    failed: Values = {"last_error": told(ctx, outcome), "error_kind": kind_of(outcome)}
    if isinstance(outcome, ForeignReceipt):
        return failed | {"state": "held", "hold": "the plugin answered with the receipt of another delivery"}
    if isinstance(outcome, Doubtful | PluginError):
        return failed | _in_doubt(ctx, action, info, one.row, now)
    if isinstance(outcome, DeliveryError):
        return failed | _refused(ctx, connection, action, one.row, outcome, now)
    if one.called and info.doubt == "hold":  # nobody knows how far it came
        return failed | {"state": "held", "hold": MAYBE, "doubtful": True}
    return failed | _bug(one.row, now) | ({"doubtful": True} if one.called and info.doubt == "look" else {})


def _refused(
    ctx: Context, connection: str, action: Action, row: DeliveryRow, error: DeliveryError, now: datetime
) -> Values:
    if isinstance(error, RateLimited):
        return {"state": "pending", "due_at": max(error.until or now + QUOTA_WAIT, now)}
    if isinstance(error, RetryLater):
        return _again(ctx, action, row, now, error.after)
    if isinstance(error, AuthFailed | NotAllowed):
        elsewhere = error.connection not in (None, connection)  # people are looked up at their own connection
        return {"state": "pending", "due_at": now + PATIENCE if elsewhere else now}
    if isinstance(error, TargetGone) and action not in MUST_NOT_VANISH:
        return _ended("skipped", now)
    if isinstance(error, Rejected | TargetGone):
        return _ended("dead", now) | {"attempts": row.attempts + 1}
    return _bug(row, now)


def _in_doubt(ctx: Context, action: Action, info: ActionInfo, row: DeliveryRow, now: datetime) -> Values:
    if info.doubt == "hold":
        return {"state": "held", "hold": MAYBE, "doubtful": True}
    return _again(ctx, action, row, now, None) | {"doubtful": info.doubt == "look"}


def _again(ctx: Context, action: Action, row: DeliveryRow, now: datetime, after: timedelta | None) -> Values:
    attempts = row.attempts + 1
    first = row.first_started_at or now
    due = next_try(plan_of(ctx, action), attempts, first, now, ctx.random.random(), after)
    if due is None:
        return _ended("dead", now) | {"attempts": attempts}
    return {"state": "pending", "due_at": due, "attempts": attempts}


def plan_of(ctx: Context, action: Action) -> RetryPlan:
    """The configured retry plan of an action, or the built-in one."""
    own = ctx.settings.delivery.retry.get(action)
    return RetryPlan(own.delays, own.jitter, own.total) if own else DEFAULT_PLANS[action]


def _bug(row: DeliveryRow, now: datetime) -> Values:
    attempts = row.attempts + 1
    if attempts >= BUG_TRIES:
        return _ended("dead", now) | {"attempts": attempts}
    return {"state": "pending", "due_at": now + BUG_WAIT, "attempts": attempts}


def _ended(state: str, now: datetime) -> Values:
    return {"state": state, "finished_at": now, "hold": None}


def _hold_back(
    ctx: Context, session: Session, connection: str, action: Action, outcome: Outcome, now: datetime
) -> None:
    """429 rests the quota, 401 stops the connection, 403 this action; what is due stays. Told once."""
    here = getattr(outcome, "connection", None) or connection
    if isinstance(outcome, RateLimited):
        quotas.rest(session, here, outcome.quota, until=outcome.until or now + QUOTA_WAIT)
        return
    if isinstance(outcome, AuthFailed):
        scope, cause = pauses.of_connection(here), "auth"
    elif isinstance(outcome, NotAllowed):
        scope, cause = pauses.of_lane(here, action), "not_allowed"
    else:
        return
    missing = f" (missing: {outcome.scope})" if isinstance(outcome, NotAllowed) and outcome.scope else ""
    reason = told(ctx, outcome) + missing
    if pauses.pause(session, scope, cause="auth" if cause == "auth" else "not_allowed", reason=reason, now=now):
        log.error("stopped %s: %s; mend it, then run: nps-connect resume %s", scope, reason, scope)


def _follow_up(ctx: Context, session: Session, one: Settled, values: Values, now: datetime) -> set[str]:
    """What an ending means for others: cooldown, invitation, deliveries that waited for this one."""
    row, state = one.row, values["state"]
    if isinstance(one.outcome, Receipt):
        note_ticket(ctx, session, row, one.outcome.id, now)
    if one.called and isinstance(one.outcome, Rejected):
        refused_at_once(ctx, session, row, one.outcome)
    if row.action == "invite_review":
        return sending.settled(ctx, session, row, values, now)
    if row.action in SURVEY_MAIL:
        return _mailed(ctx, session, row, values, now)
    if row.action == "open_ticket" and state in ("succeeded", "cancelled", "skipped"):
        waiting: Values = (
            {"state": "pending", "hold": None, "due_at": now}
            if state == "succeeded"
            else _ended("cancelled", now) | {"last_error": "its ticket was not opened"}
        )
        lanes = session.execute(
            update(DeliveryRow)
            .where(col(DeliveryRow.after_id) == row.id, col(DeliveryRow.state) == "held")
            .values(**waiting)
            .returning(col(DeliveryRow.lane))
            .execution_options(synchronize_session=False)
        ).scalars()
        return set(lanes)
    return set()


def _mailed(ctx: Context, session: Session, row: DeliveryRow, values: Values, now: datetime) -> set[str]:
    """A survey's mail, or a reminder of it, has come to its end; the lanes with new work."""
    invitation = session.get(InvitationRow, row.invitation_id) if values["state"] == "succeeded" else None
    if invitation is not None:
        if row.action == "send_survey":
            invitation.state, invitation.sent_at = "sent", now
            cooldowns.confirm(session, invitation.id or 0, until=now + ctx.settings.limits.cooldown)
        plan_reminder(ctx, session, invitation, now, after=row)
    elif values["state"] in ("cancelled", "skipped", "dead"):
        reason = values.get("last_error") or values["state"]
        forsake(session, row, reason=reason, cooldown=ctx.settings.limits.cooldown, now=now)
    return bring_back(session, row, now) if values["state"] == "cancelled" and CONFIRM in row.options else set()
