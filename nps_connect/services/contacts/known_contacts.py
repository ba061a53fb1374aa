"""Contacts of connections that cannot look people up: the ledger knows more of them than one message says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select, tuple_
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow
from nps_connect.records.contacts import Contact
from nps_connect.services.contacts.contact_batch import ContactRef
from nps_connect.services.contacts.store import build_contact


def load_known_contacts(session: Session, refs: Sequence[ContactRef]) -> dict[ContactRef, ContactRow]:
    """Return the stored contacts by connection and vendor id."""
    if not refs:
        return {}
    columns = tuple_(col(ContactRow.connection), col(ContactRow.vendor_id))
    rows = session.execute(select(ContactRow).where(columns.in_(sorted(set(refs))))).scalars()
    return {(row.connection, row.vendor_id): row for row in rows}


def merge_known_contact(contact: Contact, stored_contacts: Mapping[ContactRef, ContactRow]) -> Contact:
    """Return a contact with what the ledger knows where it is silent; an opt-out of the stored contact stays."""
    row = stored_contacts.get((contact.connection, contact.id))
    if row is None or row.erased_at is not None:
        return contact
    described = {
        name: value
        for name in ("email", "name", "language", "timezone", "link")
        if (value := getattr(contact, name)) is not None
    }
    stored = build_contact(row)
    described["opted_out"] = stored.opted_out or contact.opted_out
    described["fields"] = {**stored.fields, **contact.fields}
    return stored.model_copy(update=described)
