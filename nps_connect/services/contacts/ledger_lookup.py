"""Contacts of connections that cannot look people up: the ledger knows what earlier events, imports and calls said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import ContactRow
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.services.contacts.store import build_contact


def complete_contacts(session: Session, connection: str, events: Sequence[Event]) -> list[Event]:
    """Return the same events in the same order, with their contacts as far as the ledger knows them.

    An event without a contact gets the stored ones of its key; a contact of an event keeps its stored name, address and
    language where the event does not say them.
    """
    keys = [event.contact_key for event in events if event.contact_key is not None and not event.contacts]
    ids = {key.value for key in keys if key.kind == "id"}
    ids |= {contact.id for event in events for contact in event.contacts if contact.connection == connection}
    mailboxes = {mailbox_hash(key.value) for key in keys if key.kind == "email"}
    contact_by_id = {contact.id: contact for contact in _load(session, connection, col(ContactRow.vendor_id), ids)}
    contacts_by_mailbox: dict[str, list[Contact]] = {}
    for contact in _load(session, connection, col(ContactRow.mailbox), mailboxes):
        contacts_by_mailbox.setdefault(mailbox_hash(contact.email or ""), []).append(contact)
    completed = []
    for event in events:
        key, contacts = event.contact_key, event.contacts
        if contacts:
            contacts = tuple(_merge(contact, contact_by_id.get(contact.id), connection) for contact in contacts)
        elif key is not None and key.kind == "id":
            contacts = (contact_by_id[key.value],) if key.value in contact_by_id else ()
        elif key is not None and key.kind == "email":
            contacts = tuple(contacts_by_mailbox.get(mailbox_hash(key.value), ()))
        completed.append(event if contacts == event.contacts else event.copy_unvalidated(contacts=contacts))
    return completed


def _load(session: Session, connection: str, column: Any, values: Iterable[str]) -> list[Contact]:  # noqa: ANN401
    """Return the stored contacts with these values of a column."""
    listed = list(values)
    if not listed:
        return []
    query = select(ContactRow).where(col(ContactRow.connection) == connection, in_list(column, "listed_values"))
    rows = session.execute(query, {"listed_values": listed}).scalars().all()
    return [build_contact(row) for row in rows]


def _merge(contact: Contact, stored: Contact | None, connection: str) -> Contact:
    if stored is None or contact.connection != connection:
        return contact
    missing = {
        name: getattr(stored, name)
        for name in ("email", "name", "language", "timezone", "link")
        if getattr(contact, name) is None and getattr(stored, name) is not None
    }
    if stored.opted_out and not contact.opted_out:
        missing["opted_out"] = True
    return contact.copy_unvalidated(**missing) if missing else contact
