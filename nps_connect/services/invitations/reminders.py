"""Reminders: to people who have not answered, and to those whose low score nobody has confirmed.

They belong to their survey, not to the cooldown; an answer or an opt-out cancels them. Each is planned when the mail
before it has been sent, so that a quiet weekend, a pause or an outage never lets two of them leave together.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, union_all
from sqlmodel import Session, col

from nps_connect.ledger.tables import DeliveryRow, InvitationRow, ResponseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.deliveries import CancelCode
from nps_connect.rules.bot_detection import SIGNAL_DESCRIPTIONS
from nps_connect.rules.routing import delivery_key
from nps_connect.services.context import Context, delivery_queue
from nps_connect.services.deliveries.cancel import cancel
from nps_connect.services.responses.unconfirmed_scores import (
    CONFIRM_AFTER,
    MAX_DETRACTOR_SCORE,
    awaiting_confirmation_clause,
    join_response_tables,
    load_bot_signals,
)

REMINDER_ACTION = "send_reminder"
BATCH_SIZE = 500
NUMBER_OPTION, CONFIRM_OPTION = "number", "confirm"
"""Keys of a reminder's options: which one it is, or the score that it asks to confirm."""


def plan_reminder(
    ctx: Context, session: Session, invitation: InvitationRow, now: datetime, *, after: DeliveryRow
) -> None:
    """Plan the reminder that follows a mail which has just been sent, if there is to be one more.

    Args:
        ctx: the joined parts.
        session: the transaction in which the mail is settled.
        invitation: the survey.
        now: when the mail was sent.
        after: the mail: the survey itself, or a reminder.
    """
    survey = ctx.settings.surveys.get(invitation.survey)
    if survey is None or survey.reminder_after is None:
        return
    number, due = after.options.get(NUMBER_OPTION, 0) + 1, now + survey.reminder_after
    if number > survey.reminders or due >= invitation.expires_at or CONFIRM_OPTION in after.options:
        return
    if after.action == REMINDER_ACTION and _is_reminder_obsolete(session, invitation):
        return
    _enqueue_reminder(session, invitation, survey.channel, due, now, number=number, options={NUMBER_OPTION: number})


def _is_reminder_obsolete(session: Session, invitation: InvitationRow) -> bool:
    """Answered while the reminder was under way, or asked to confirm in its place."""
    answered = select(col(ResponseRow.id)).where(
        col(ResponseRow.invitation_id) == invitation.id, col(ResponseRow.revision) > 0
    )
    asked = select(col(DeliveryRow.id)).where(
        col(DeliveryRow.invitation_id) == invitation.id,
        _confirmation_request_clause(),
        col(DeliveryRow.state) != "cancelled",
    )
    return session.execute(union_all(answered, asked).limit(1)).first() is not None


def cancel_reminders(ctx: Context, session: Session, invitation_id: int, code: CancelCode) -> None:
    """Cancel the reminders of an invitation that have not started."""
    for row in session.execute(
        select(DeliveryRow)
        .where(
            col(DeliveryRow.invitation_id) == invitation_id,
            col(DeliveryRow.action) == REMINDER_ACTION,
            col(DeliveryRow.state).in_(("pending", "held")),
            col(DeliveryRow.in_doubt).is_(False),
        )
        .with_for_update(skip_locked=True)
    ).scalars():
        cancel(ctx, session, row, code)


def enqueue_confirmation_requests(ctx: Context) -> int:
    """Ask each unconfirmed detractor once, after a day: was that you? Returns how many mails were planned.

    Nobody is asked whose visits show signs of a machine: a person would get a mail about what a scanner did. A reminder
    that is still to come makes way; one that has just been sent is given its day.
    """
    now = ctx.clock()
    queues: set[str] = set()
    planned = 0
    wanted = [name for name, survey in ctx.settings.surveys.items() if survey.confirm_detractors]
    if ctx.shadow or not wanted:
        return 0
    with ctx.ledger.write() as session:
        for response, invitation in _select_unasked(session, now, surveys=wanted):
            channel = ctx.settings.surveys[invitation.survey].channel
            cancel_reminders(ctx, session, invitation.id or 0, CancelCode.REPLACED_BY_CONFIRMATION)
            options = {CONFIRM_OPTION: response.provisional_score}
            planned += _enqueue_reminder(session, invitation, channel, now, now, number=0, options=options)
            queues.add(delivery_queue(channel, REMINDER_ACTION))
    for queue_name in queues:
        ctx.wake(queue_name)
    return planned


def restore_reminder(session: Session, question: DeliveryRow, now: datetime) -> set[str]:
    """Plan the reminder again that made way for a question which is not asked after all; the queues with new work."""
    made_way = select(DeliveryRow).where(
        col(DeliveryRow.invitation_id) == question.invitation_id,
        col(DeliveryRow.action) == REMINDER_ACTION,
        col(DeliveryRow.state) == "cancelled",
        col(DeliveryRow.cancel_code) == CancelCode.REPLACED_BY_CONFIRMATION,
    )
    queues = set()
    for row in session.execute(made_way.with_for_update()).scalars():
        row.state, row.due_at = "pending", max(row.due_at, now)
        row.finished_at = row.last_error = row.cancel_code = None
        queues.add(row.queue_name)
    return queues


def confirmation_block_reason(session: Session, row: DeliveryRow, response: ResponseRow | None) -> str | None:
    """Why a person is not to be asked to confirm after all, or none: what was opened since the mail was planned."""
    score = response.provisional_score if response else None
    if score is None or score > MAX_DETRACTOR_SCORE:
        return "a higher score was opened meanwhile"
    found = load_bot_signals(session, [row.invitation_id or 0]).get(row.invitation_id or 0, ())
    return "perhaps a machine: " + "; ".join(SIGNAL_DESCRIPTIONS[sign] for sign in found) if found else None


def _select_unasked(session: Session, now: datetime, *, surveys: list[str]) -> list[tuple[ResponseRow, InvitationRow]]:
    """Who has not been asked to confirm yet, nor got another mail of the survey within a day."""
    mine = col(DeliveryRow.invitation_id) == col(InvitationRow.id)
    recent = (col(DeliveryRow.state) == "running") | (col(DeliveryRow.finished_at) > now - CONFIRM_AFTER)
    reminded = (
        (col(DeliveryRow.action) == REMINDER_ACTION) & col(DeliveryRow.state).in_(("running", "succeeded")) & recent
    )
    rows = session.execute(
        join_response_tables(select(ResponseRow, InvitationRow))
        .where(
            awaiting_confirmation_clause(now),
            col(InvitationRow.survey).in_(surveys),
            ~select(col(DeliveryRow.id)).where(mine, _confirmation_request_clause()).exists(),
            ~select(col(DeliveryRow.id)).where(mine, reminded).exists(),
        )
        .order_by(col(ResponseRow.id))
        .limit(BATCH_SIZE)
    )
    return [(response, invitation) for response, invitation in rows]


def _confirmation_request_clause() -> ColumnElement[bool]:
    return (col(DeliveryRow.action) == REMINDER_ACTION) & col(DeliveryRow.key).like(f"{REMINDER_ACTION}-confirm-%")


def _enqueue_reminder(
    session: Session,
    invitation: InvitationRow,
    channel: str,
    due: datetime,
    now: datetime,
    *,
    number: int,
    options: dict[str, Any],
) -> int:
    subject = f"{'reminder' if number else 'confirm'}-{invitation.id}"
    values = {
        "key": delivery_key(action=REMINDER_ACTION, subject=subject, revision=number, route=channel),
        "queue_name": delivery_queue(channel, REMINDER_ACTION),
        "connection": channel,
        "action": REMINDER_ACTION,
        "state": "pending",
        "due_at": due,
        "contact_id": invitation.contact_id,
        "invitation_id": invitation.id,
        "options": options,
        "created_at": now,
    }
    return len(insert_many(session, DeliveryRow, [values], skip_existing=("key",), returning=("id",)))
