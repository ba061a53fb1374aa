"""Review mails wait while a ticket of the contact is open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow
from nps_connect.records.deliveries import HoldCode
from nps_connect.services.action_spec import NotAttempted
from nps_connect.services.contacts.store import merged_contact_ids
from nps_connect.services.context import Context

TICKET_RECHECK_INTERVAL = timedelta(days=1)
"""How often a waiting mail checks its ticket, where the helpdesk sends no event when it is solved."""


def ticket_wait(ctx: Context, session: Session, mail: DeliveryRow, contact: ContactRow) -> NotAttempted | None:
    """Return until when a review mail waits for an open ticket, or None if it may go."""
    opened_at = _open_ticket_since(session, merged_contact_ids(session, contact))
    if opened_at is None:
        return None
    now = ctx.clock()
    first_due = datetime.fromisoformat(mail.options.get("first_due") or mail.created_at.isoformat())
    limit = min(opened_at, first_due) + ctx.settings.reviews.wait_for_ticket
    if now >= limit:
        return None
    return NotAttempted.deferred(HoldCode.TICKET_OPEN, min(limit, now + TICKET_RECHECK_INTERVAL))


def _open_ticket_since(session: Session, contact_ids: Sequence[int]) -> datetime | None:
    """Return since when (UTC) these contacts have had an unsolved or planned ticket, the newest one; None without."""
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
    """Make review mails due that waited for a ticket of this contact; return their queues."""
    contact = session.get(ContactRow, contact_id)
    contact_ids = merged_contact_ids(session, contact) if contact is not None else [contact_id]
    released = session.execute(
        update(DeliveryRow)
        .where(
            col(DeliveryRow.contact_id).in_(contact_ids),
            col(DeliveryRow.state) == "pending",
            col(DeliveryRow.hold_code) == HoldCode.TICKET_OPEN,
        )
        .values(due_at=now)
        .returning(col(DeliveryRow.queue_name))
        .execution_options(synchronize_session=False)
    )
    return set(released.scalars())
