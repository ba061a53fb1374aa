"""Send now what waits for a later time: after a failed try, for quiet hours, a daily cap or a delay."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from nps_connect.ledger import pauses
from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.tables import DeliveryRow, InvitationRow, ResponseRow
from nps_connect.records.actions import hold_text
from nps_connect.services.action_spec import EXPEDITED_OPTION, ActionSpec, ActionSpecs
from nps_connect.services.deliveries.circuit_breaker import pause_scopes
from nps_connect.services.deliveries.operator_actions import OperatorResult, suppression_refusal
from nps_connect.settings.model import Settings

EXPEDITABLE_STATES = ("pending",)


def waiting_reason(row: DeliveryRow, now: datetime) -> str | None:
    """Return why a delivery waits or failed, one sentence; None if it does not wait."""
    if row.hold_code is not None:
        return hold_text(row.hold_code, row.hold_detail)
    if row.state == "pending" and row.last_error is None:
        return "its delay is not over" if row.due_at > now else None
    return row.last_error


def expedite_by_operator(
    actor: Actor, session: Session, row: DeliveryRow, *, actions: ActionSpecs, settings: Settings, now: datetime
) -> OperatorResult:
    """Make one waiting delivery due now, quiet hours and daily caps or not; its queue is to be woken after the commit.

    Every other check is made again before it is sent: suppressions, pauses, cooldown, expiry.

    Args:
        actor: who does it.
        session: the transaction.
        row: the delivery, locked.
        actions: every action.
        settings: the configuration.
        now: the present moment.
    """
    spec = actions[row.action]
    refused = _refusal_reason(session, row, spec, now)
    if refused is None and spec.handler.reserve_again is not None:
        refused = spec.handler.reserve_again(session, row, settings, now)
    if refused is not None:
        return OperatorResult(row, refused)
    reason = waiting_reason(row, now)
    row.due_at, row.hold_code, row.hold_detail = now, None, None
    if spec.customer_facing:
        row.options = {**row.options, EXPEDITED_OPTION: True}
    record_audit(session, actor, "deliveries expedite", f"delivery:{row.id}", now=now, reason=reason)
    return OperatorResult(row)


def _refusal_reason(session: Session, row: DeliveryRow, spec: ActionSpec, now: datetime) -> str | None:
    if row.state == "held":
        return f"it is held: {hold_text(row.hold_code, row.hold_detail)}; see: nps-connect deliveries show {row.id}"
    if row.state not in EXPEDITABLE_STATES:
        return f"it is {row.state}; only pending deliveries wait for a later time"
    scopes = [*pause_scopes(row.connection, spec), *_survey_scopes(session, row, spec)]
    paused = pauses.load_pauses(session)
    for scope in scopes:
        if scope in paused:
            return f"{scope} is paused: {paused[scope].reason}; to resume: nps-connect resume {scope}"
    if row.due_at <= now:
        return "it is due already"
    return suppression_refusal(session, row, spec)


def _survey_scopes(session: Session, row: DeliveryRow, spec: ActionSpec) -> list[str]:
    """Return the pause scope of the survey that a mail to a customer belongs to."""
    if not spec.customer_facing:
        return []
    invitation = session.get(InvitationRow, row.invitation_id) if row.invitation_id else None
    response = session.get(ResponseRow, row.response_id) if row.response_id else None
    subject = invitation or response
    return [pauses.survey_scope(subject.survey)] if subject is not None else []
