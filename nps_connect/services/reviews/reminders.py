"""Reminding: once, by the same rules for every score, and only who has not opened the link."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlmodel import Session, col

from nps_connect.ledger.review_tables import ReviewLinkStateRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.deliveries import CancelCode
from nps_connect.rules.routing import delivery_key
from nps_connect.services.contacts.store import build_contact
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import cancel
from nps_connect.services.reviews.ticket_wait import next_send_time

UNSTARTED_STATES = ("pending", "held")


def load_review_deliveries(session: Session, response_id: int, *, lock: bool = False) -> list[DeliveryRow]:
    """The review mails of an answer, invitation and reminder, oldest first."""
    query = (
        select(DeliveryRow)
        .where(col(DeliveryRow.response_id) == response_id, col(DeliveryRow.action) == "invite_review")
        .order_by(col(DeliveryRow.id))
    )
    return list(session.execute(query.with_for_update() if lock else query).scalars())


def is_reminder(row: DeliveryRow) -> bool:
    """Whether a review mail is the reminder."""
    return bool(row.options.get("reminder"))


def plan_reminder(ctx: Context, session: Session, invitation: DeliveryRow, now: datetime) -> set[str]:
    """The invitation went out: plan the one reminder, where the configuration wants one. Returns the queues to wake."""
    after, contact = ctx.settings.reviews.reminder_after, session.get(ContactRow, invitation.contact_id)
    if after is None or contact is None or is_reminder(invitation):
        return set()
    if has_opened_link(session, invitation):
        return set()
    options: dict[str, Any] = {**invitation.options, "reminder": True}
    options.pop("first_due", None)
    due = next_send_time(ctx, build_contact(contact), now + after)
    row = {
        "key": delivery_key(action="invite_review", subject=invitation.key, revision=None, route="reminder"),
        "queue_name": invitation.queue_name,
        "connection": invitation.connection,
        "action": "invite_review",
        "state": "pending",
        "due_at": due,
        "contact_id": invitation.contact_id,
        "invitation_id": invitation.invitation_id,
        "response_id": invitation.response_id,
        "revision": invitation.revision,
        "options": {**options, "first_due": due.isoformat()},
        "created_at": now,
    }
    return {invitation.queue_name} if insert_many(session, DeliveryRow, [row], skip_existing=("key",), returning=("id",)) else set()


def has_opened_link(session: Session, mail: DeliveryRow) -> bool:
    """Whether the link of a review mail was opened without signs of a machine, in the mail or on the page."""
    found = exists().where(
        col(ReviewLinkStateRow.response_id) == mail.response_id,
        col(ReviewLinkStateRow.platform) == mail.options["platform"],
        col(ReviewLinkStateRow.opened).is_(True),
    )
    return bool(session.execute(select(found)).scalar())


def cancel_reminder(ctx: Context, session: Session, response_id: int, code: CancelCode) -> None:
    """Cancel the reminder of an answer, if it has not started."""
    for row in load_review_deliveries(session, response_id, lock=True):
        if is_reminder(row) and row.state in UNSTARTED_STATES and row.first_started_at is None:
            cancel(ctx, session, row, code)
