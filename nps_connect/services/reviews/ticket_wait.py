"""Waiting: review mail stays back while a ticket of the person is open; quiet hours hold for every mail, elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import HoldCode
from nps_connect.rules.quiet_hours import next_allowed_time
from nps_connect.rules.timing import contact_zone
from nps_connect.services.contacts.store import merged_contact_ids
from nps_connect.services.context import Context
from nps_connect.services.deliveries.preflight import NotAttempted

TICKET_RECHECK_INTERVAL = timedelta(days=1)
"""How long a mail rests before its ticket is looked at again, where nobody tells that it was solved."""


def ticket_wait(ctx: Context, session: Session, row: DeliveryRow, contact: ContactRow) -> NotAttempted | None:
    """Why a review mail that is due must wait all the same, or none."""
    now, longest = ctx.clock(), ctx.settings.reviews.wait_for_ticket
    opened_at = open_ticket_since(session, merged_contact_ids(session, contact))
    if opened_at is not None:
        first_due = datetime.fromisoformat(row.options.get("first_due") or row.created_at.isoformat())
        limit = min(opened_at, first_due) + longest
        if now < limit:
            return NotAttempted.deferred(HoldCode.TICKET_OPEN, min(limit, now + TICKET_RECHECK_INTERVAL))
    return None


def next_send_time(ctx: Context, contact: Contact, moment: datetime) -> datetime:
    """The first moment from this one on at which the person may get mail, by their own clock if it is known."""
    zone = contact_zone(contact.timezone, ctx.settings.core.zone)
    return next_allowed_time(moment, ctx.settings.limits, zone)


def open_ticket_since(session: Session, contact_ids: Sequence[int]) -> datetime | None:
    """Since when these people have had a ticket that is not solved, or that is on its way; the newest, or none."""
    return session.execute(
        select(
            func.max(func.coalesce(col(CaseRow.opened_at), col(DeliveryRow.finished_at), col(DeliveryRow.created_at)))
        )
        .select_from(DeliveryRow)
        .outerjoin(CaseRow, col(CaseRow.response_id) == col(DeliveryRow.response_id))
        .where(
            col(DeliveryRow.contact_id).in_(contact_ids),
            col(DeliveryRow.action) == "open_ticket",
            col(DeliveryRow.state).in_(("pending", "running", "held", "succeeded")),
            or_(col(CaseRow.state).is_(None), col(CaseRow.state) == "open"),
        )
    ).scalar()


def release_waiting_mail(session: Session, contact_id: int, now: datetime) -> set[str]:
    """A ticket of this person was solved: review mail that waited for it is due. Returns the queues to be woken."""
    contact = session.get(ContactRow, contact_id)
    people = merged_contact_ids(session, contact) if contact is not None else [contact_id]
    return set(
        session.execute(
            update(DeliveryRow)
            .where(
                col(DeliveryRow.contact_id).in_(people),
                col(DeliveryRow.state) == "pending",
                col(DeliveryRow.hold_code) == HoldCode.TICKET_OPEN,
            )
            .values(due_at=now)
            .returning(col(DeliveryRow.queue_name))
            .execution_options(synchronize_session=False)
        ).scalars()
    )
