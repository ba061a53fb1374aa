"""Review reminders: one per invitation, for every score alike, unless the link was opened."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlmodel import Session, col

from nps_connect.ledger.review_tables import ReviewLinkStateRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow
from nps_connect.records.deliveries import CancelCode
from nps_connect.services.contacts.store import build_contact
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import UNSTARTED_STATES, cancel
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries
from nps_connect.services.reviews.invitations import is_reminder, next_send_time


def load_review_deliveries(session: Session, response_id: int, *, lock: bool = False) -> list[DeliveryRow]:
    """Return the review mails of a response, invitation and reminder, oldest first."""
    query = (
        select(DeliveryRow)
        .where(col(DeliveryRow.response_id) == response_id, col(DeliveryRow.action) == "invite_review")
        .order_by(col(DeliveryRow.id))
    )
    return list(session.execute(query.with_for_update() if lock else query).scalars())


def plan_reminder(ctx: Context, session: Session, invitation: DeliveryRow, now: datetime) -> set[str]:
    """Plan the reminder of an invitation that was just sent, if configured; return the queues with new work."""
    after, contact = ctx.settings.reviews.reminder_after, session.get(ContactRow, invitation.contact_id)
    if after is None or contact is None or is_reminder(invitation) or has_opened_link(session, invitation):
        return set()
    due_at = next_send_time(ctx, build_contact(contact), now + after)
    options: dict[str, Any] = {**invitation.options, "reminder": True, "first_due": due_at.isoformat()}
    reminder = NewDelivery(
        connection=invitation.connection,
        action="invite_review",
        subject=invitation.key,
        route="reminder",
        due_at=due_at,
        contact_id=invitation.contact_id,
        invitation_id=invitation.invitation_id,
        response_id=invitation.response_id,
        revision=invitation.revision,
        options=options,
    )
    return enqueue_deliveries(session, [reminder], now, skip_existing=True).queue_names


def has_opened_link(session: Session, mail: DeliveryRow) -> bool:
    """Return whether the link of a review mail was opened without bot signals, in the mail or on the page."""
    query = exists().where(
        col(ReviewLinkStateRow.response_id) == mail.response_id,
        col(ReviewLinkStateRow.platform) == mail.options["platform"],
        col(ReviewLinkStateRow.opened).is_(True),
    )
    return bool(session.execute(select(query)).scalar())


def cancel_reminder(ctx: Context, session: Session, response_id: int, code: CancelCode) -> None:
    """Cancel the reminder of a response if it has not started."""
    for mail in load_review_deliveries(session, response_id, lock=True):
        if is_reminder(mail) and mail.state in UNSTARTED_STATES and mail.first_started_at is None:
            cancel(ctx, session, mail, code)
