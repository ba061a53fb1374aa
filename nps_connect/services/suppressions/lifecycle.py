"""Events that change what we know of a person: deleted, merged, erased at the vendor."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow
from nps_connect.records.events import Event
from nps_connect.services.contacts.store import upsert_contact
from nps_connect.services.context import Context
from nps_connect.services.suppressions.erasure import erase_contact, erase_from_events


def reapply_erasure(session: Session, connection: str, vendor_id: str) -> None:
    """Forget an erased person in the events that were decided together with the erasure, and were written after it."""
    row = session.execute(
        select(ContactRow).where(col(ContactRow.connection) == connection, col(ContactRow.vendor_id) == vendor_id)
    ).scalar()
    if row is not None:
        erase_from_events(session, row)


def apply_contact_event(ctx: Context, session: Session, connection: str, event: Event) -> None:
    """Apply a housekeeping event. Unknown people are remembered only as far as needed to stay silent to them."""
    now = ctx.clock()
    for contact in event.contacts:
        upsert_contact(session, contact, now)
    row = session.execute(
        select(ContactRow).where(col(ContactRow.connection) == connection, col(ContactRow.vendor_id) == event.object_id)
    ).scalar()
    if event.kind == "contact.deleted" and row is not None:
        row.deleted_at = row.deleted_at or now
    if event.kind == "contact.privacy_deleted":
        if row is None:
            row = ContactRow(connection=connection, vendor_id=event.object_id, record={}, seen_at=now)
            session.add(row)
            session.flush()
        erase_contact(session, row, now)
    session.flush()
