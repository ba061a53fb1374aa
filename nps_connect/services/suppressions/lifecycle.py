"""Apply events that change a contact itself: deleted, merged or erased at the vendor."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.services.contacts.contact_batch import upsert_contacts
from nps_connect.services.contacts.store import upsert_contact
from nps_connect.services.context import Context
from nps_connect.services.suppressions.erasure import erase_contact, erase_from_events


def apply_contact_event(ctx: Context, session: Session, connection: str, event: Event) -> int | None:
    """Apply one of `CONTACT_EVENT_KINDS`; return the id of the stored contact, or None if it is unknown.

    Of an unknown person only an erasure is stored, so that they are never contacted.
    """
    now = ctx.clock()
    upsert_contacts(session, event.contacts, now)
    row = _load_contact(session, connection, event.object_id)
    if event.kind == "contact.deleted" and row is not None:
        row.deleted_at = row.deleted_at or now
    if event.kind == "contact.privacy_deleted":
        row = row or upsert_contact(session, Contact(connection=connection, id=event.object_id), now)
        erase_contact(ctx, session, row)
    session.flush()
    return row.id if row is not None else None


def reapply_erasure(session: Session, connection: str, vendor_id: str) -> None:
    """Erase a person from events that were decided in the same batch and written after the erasure."""
    row = _load_contact(session, connection, vendor_id)
    if row is not None:
        erase_from_events(session, row)


def _load_contact(session: Session, connection: str, vendor_id: str) -> ContactRow | None:
    query = select(ContactRow).where(col(ContactRow.connection) == connection, col(ContactRow.vendor_id) == vendor_id)
    return session.execute(query.execution_options(populate_existing=True)).scalar()
