"""Reminders: to customers who have not responded, and requests to confirm a detractor's provisional score.

They belong to their survey and ignore the cooldown; a response or an opt-out cancels them. Each is planned when the
mail before it has been sent, so that quiet hours, a pause or an outage never makes two of them due together.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, union_all
from sqlmodel import Session, col

from nps_connect.ledger.tables import DeliveryRow, InvitationRow, ResponseRow
from nps_connect.records.actions import CancelCode
from nps_connect.rules.bot_detection import SIGNAL_DESCRIPTIONS
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import cancel_deliveries, restore_cancelled
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries
from nps_connect.services.responses.unconfirmed_scores import (
    CONFIRM_AFTER,
    MAX_DETRACTOR_SCORE,
    awaiting_confirmation_clause,
    join_response_tables,
    load_bot_signals,
)
from nps_connect.settings.surveys import Survey

REMINDER_ACTION = "send_reminder"
BATCH_SIZE = 500
NUMBER_OPTION, CONFIRM_OPTION = "number", "confirm"
"""Keys of a reminder's options: its number, or the score that it asks to confirm."""


def plan_reminder(
    session: Session, survey: Survey, invitation: InvitationRow, now: datetime, due_at: datetime, *, after: DeliveryRow
) -> None:
    """Enqueue the reminder that follows a sent mail, if there is one more.

    Args:
        session: the transaction that settles the mail.
        survey: the survey.
        invitation: the survey invitation.
        now: when the mail was sent.
        due_at: when the reminder is due.
        after: the mail: the survey itself or a reminder.
    """
    number = after.options.get(NUMBER_OPTION, 0) + 1
    if number > survey.reminders or due_at >= invitation.expires_at or CONFIRM_OPTION in after.options:
        return
    if after.action == REMINDER_ACTION and _is_reminder_obsolete(session, invitation):
        return
    reminder = _build_reminder(invitation, survey.channel, due_at, number=number, options={NUMBER_OPTION: number})
    enqueue_deliveries(session, [reminder], now, skip_existing=True)


def cancel_reminders(ctx: Context, session: Session, invitation_id: int, code: CancelCode) -> None:
    """Cancel the reminders of an invitation that have not started."""
    reminders = col(DeliveryRow.invitation_id) == invitation_id, col(DeliveryRow.action) == REMINDER_ACTION
    cancel_deliveries(ctx, session, code, *reminders)


def enqueue_confirmation_requests(ctx: Context) -> int:
    """Ask every unconfirmed detractor once, after a day, to confirm the score; return how many mails were enqueued.

    Customers whose visits look like those of a bot are not asked. A pending reminder is cancelled; a reminder that was
    just sent postpones the request by a day.
    """
    now = ctx.clock()
    surveys = [name for name, survey in ctx.settings.surveys.items() if survey.confirm_detractors]
    if ctx.shadow or not surveys:
        return 0
    requests: list[NewDelivery] = []
    with ctx.ledger.write() as session:
        for response, invitation in _select_unasked(session, now, surveys):
            cancel_reminders(ctx, session, invitation.id or 0, CancelCode.REPLACED_BY_CONFIRMATION)
            channel = ctx.settings.surveys[invitation.survey].channel
            options = {CONFIRM_OPTION: response.provisional_score}
            requests.append(_build_reminder(invitation, channel, now, number=0, options=options))
        enqueued = enqueue_deliveries(session, requests, now, skip_existing=True)
    for queue_name in enqueued.queue_names:
        ctx.wake(queue_name)
    return enqueued.inserted


def restore_reminder(session: Session, request: DeliveryRow, now: datetime) -> set[str]:
    """Enqueue again the reminder that a cancelled confirmation request had replaced; return queues with new work."""
    reminders = col(DeliveryRow.invitation_id) == request.invitation_id, col(DeliveryRow.action) == REMINDER_ACTION
    restored = restore_cancelled(session, CancelCode.REPLACED_BY_CONFIRMATION, *reminders)
    for row in restored:
        row.due_at = max(row.due_at, now)
    return {row.queue_name for row in restored}


def confirmation_block_reason(session: Session, row: DeliveryRow, response: ResponseRow | None) -> str | None:
    """Return why a confirmation request must not be sent any more; None if it may be sent."""
    score = response.provisional_score if response else None
    if score is None or score > MAX_DETRACTOR_SCORE:
        return "a higher score was opened meanwhile"
    invitation_id = row.invitation_id or 0
    signals = load_bot_signals(session, [invitation_id]).get(invitation_id, ())
    return "possible bot: " + "; ".join(SIGNAL_DESCRIPTIONS[signal] for signal in signals) if signals else None


def _is_reminder_obsolete(session: Session, invitation: InvitationRow) -> bool:
    """Whether the customer responded, or was asked to confirm, while the reminder before was being sent."""
    responses = select(col(ResponseRow.id)).where(
        col(ResponseRow.invitation_id) == invitation.id, col(ResponseRow.revision) > 0
    )
    requests = select(col(DeliveryRow.id)).where(
        col(DeliveryRow.invitation_id) == invitation.id,
        _confirmation_request_clause(),
        col(DeliveryRow.state) != "cancelled",
    )
    return session.execute(union_all(responses, requests).limit(1)).first() is not None


def _select_unasked(session: Session, now: datetime, surveys: list[str]) -> list[tuple[ResponseRow, InvitationRow]]:
    """Load unconfirmed detractors without a confirmation request and without a reminder within a day."""
    of_invitation = col(DeliveryRow.invitation_id) == col(InvitationRow.id)
    is_recent = (col(DeliveryRow.state) == "running") | (col(DeliveryRow.finished_at) > now - CONFIRM_AFTER)
    is_sent_reminder = (col(DeliveryRow.action) == REMINDER_ACTION) & col(DeliveryRow.state).in_(
        ("running", "succeeded")
    )
    rows = session.execute(
        join_response_tables(select(ResponseRow, InvitationRow))
        .where(
            awaiting_confirmation_clause(now),
            col(InvitationRow.survey).in_(surveys),
            ~select(col(DeliveryRow.id)).where(of_invitation, _confirmation_request_clause()).exists(),
            ~select(col(DeliveryRow.id)).where(of_invitation, is_sent_reminder, is_recent).exists(),
        )
        .order_by(col(ResponseRow.id))
        .limit(BATCH_SIZE)
    )
    return [(response, invitation) for response, invitation in rows]


def _confirmation_request_clause() -> ColumnElement[bool]:
    return (col(DeliveryRow.action) == REMINDER_ACTION) & col(DeliveryRow.key).like(f"{REMINDER_ACTION}-confirm-%")


def _build_reminder(
    invitation: InvitationRow, channel: str, due_at: datetime, *, number: int, options: dict[str, Any]
) -> NewDelivery:
    """Build a reminder, or with number 0 a confirmation request."""
    return NewDelivery(
        connection=channel,
        action=REMINDER_ACTION,
        subject=f"{'reminder' if number else 'confirm'}-{invitation.public_id}",
        key_revision=number,
        due_at=due_at,
        contact_id=invitation.contact_id,
        invitation_id=invitation.id,
        options=options,
    )
