"""Reminders: to people who have not answered, and to those whose low score nobody has confirmed.

They belong to their survey, not to the cooldown; an answer or an opt-out cancels them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.flows.cancel import cancel
from nps_connect.flows.context import Context, delivery_lane
from nps_connect.ledger.tables import DeliveryRow, InvitationRow, ResponseRow
from nps_connect.ledger.upserts import insert_new
from nps_connect.rules.routing import delivery_key

ACTION = "send_reminder"
CONFIRM_AFTER = timedelta(days=1)
LOW = 6
MANY = 500


def plan_reminders(ctx: Context, session: Session, invitation: InvitationRow, now: datetime) -> None:
    """Plan the reminders of a survey that has just been sent."""
    survey = ctx.settings.surveys.get(invitation.survey)
    if survey is None or survey.reminder_after is None:
        return
    for number in range(1, survey.reminders + 1):
        due = now + survey.reminder_after * number
        if due < invitation.expires_at:
            _plan(session, invitation, survey.channel, due, now, number=number, options={})


def cancel_reminders(ctx: Context, session: Session, invitation_id: int, *, reason: str) -> None:
    """Cancel the reminders of an invitation that have not started."""
    for row in session.execute(
        select(DeliveryRow)
        .where(
            col(DeliveryRow.invitation_id) == invitation_id,
            col(DeliveryRow.action) == ACTION,
            col(DeliveryRow.state).in_(("pending", "held")),
            col(DeliveryRow.doubtful).is_(False),
        )
        .with_for_update(skip_locked=True)
    ).scalars():
        cancel(ctx, session, row, reason=reason)


def ask_to_confirm(ctx: Context) -> int:
    """Ask each unconfirmed detractor once, after a day: was that you? Returns how many mails were planned.

    Nobody is asked whose score shows signs of a machine: a person would get a mail about what a scanner did. A reminder
    that is still to come makes way.
    """
    now = ctx.clock()
    lanes: set[str] = set()
    planned = 0
    wanted = [name for name, survey in ctx.settings.surveys.items() if survey.confirm_detractors]
    if ctx.shadow or not wanted:
        return 0
    with ctx.ledger.write() as session:
        for response, invitation in waiting_for_confirmation(session, now, surveys=wanted):
            channel = ctx.settings.surveys[invitation.survey].channel
            cancel_reminders(ctx, session, invitation.id or 0, reason="asked to confirm a score instead")
            options = {"confirm": response.provisional_score}
            planned += _plan(session, invitation, channel, now, now, number=0, options=options)
            lanes.add(delivery_lane(channel, ACTION))
    for lane in lanes:
        ctx.wake(lane)
    return planned


def waiting_for_confirmation(
    session: Session, now: datetime, *, surveys: list[str]
) -> list[tuple[ResponseRow, InvitationRow]]:
    """Detractors without signs of a machine who have been provisional for a day, and have not been asked yet."""
    asked = select(col(DeliveryRow.id)).where(
        col(DeliveryRow.invitation_id) == col(InvitationRow.id),
        col(DeliveryRow.action) == ACTION,
        col(DeliveryRow.key).like(f"{ACTION}-confirm-%"),
    )
    rows = session.execute(
        select(ResponseRow, InvitationRow)
        .join(InvitationRow, col(InvitationRow.id) == col(ResponseRow.invitation_id))
        .where(
            col(ResponseRow.revision) == 0,
            col(ResponseRow.provisional_score) <= LOW,
            col(ResponseRow.provisional_at) <= now - CONFIRM_AFTER,
            col(ResponseRow.provisional_signs).is_(None),
            col(InvitationRow.state) == "sent",
            col(InvitationRow.expires_at) > now,
            col(InvitationRow.survey).in_(surveys),
            ~asked.exists(),
        )
        .order_by(col(ResponseRow.id))
        .limit(MANY)
    )
    return [(response, invitation) for response, invitation in rows]


def _plan(
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
        "key": delivery_key(action=ACTION, subject=subject, revision=number, route=channel),
        "lane": delivery_lane(channel, ACTION),
        "connection": channel,
        "action": ACTION,
        "state": "pending",
        "due_at": due,
        "contact_id": invitation.contact_id,
        "invitation_id": invitation.id,
        "options": options,
        "created_at": now,
    }
    return insert_new(session, DeliveryRow, [values], ("key",))
