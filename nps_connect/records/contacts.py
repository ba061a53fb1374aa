"""Contacts: people, identified by connection and vendor id, never by e-mail address."""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import Field

from nps_connect.records.base import FieldValue, Line, Moment, Record, mailbox_key


class ContactKey(Record):
    """Key for the look-up of a contact at a vendor.

    Attributes:
        kind: `id` for the vendor's contact id; `email` for an address; `deal`, `ticket`, `order` for the id of an
            object whose contact the plugin finds by association.
        value: id or address.
    """

    kind: Literal["id", "email", "deal", "ticket", "order"]
    value: str = Field(min_length=1, max_length=320)


class Contact(Record):
    """A person as a vendor knows them.

    Attributes:
        connection: name of the connection.
        id: the vendor's id; after a merge, that of the surviving contact.
        email: primary address, or None.
        other_emails: further addresses of the person.
        name: name for the salutation.
        language: BCP 47 language tag, such as `fr` or `en-GB`, if the vendor has one.
        timezone: IANA name, if the vendor has one; never guessed.
        opted_out: the person must not receive such mail, according to the vendor.
        deleted: the vendor has deleted or archived the contact.
        merged_ids: ids of contacts that were merged into this one.
        link: URL of the contact in the vendor's application.
        fields: further properties that filters use.
    """

    connection: str
    id: str = Field(min_length=1, max_length=200)
    email: str | None = None
    other_emails: tuple[str, ...] = ()
    name: Line | None = None
    language: str | None = None
    timezone: str | None = None
    opted_out: bool = False
    deleted: bool = False
    merged_ids: tuple[str, ...] = ()
    link: str | None = None
    fields: dict[str, FieldValue] = Field(default_factory=dict)


class ContactMatch(Record):
    """The contacts found for one `ContactKey`: none, one, or several (ambiguous).

    Attributes:
        key: the key that was looked up.
        contacts: all contacts that it leads to.
    """

    key: ContactKey
    contacts: tuple[Contact, ...] = ()


def mailbox_contact_id(email: str) -> str:
    """Return the id of a contact whose source has no id for it: derived from the mailbox, without the address."""
    return f"mailbox-{hashlib.sha256(mailbox_key(email).encode()).hexdigest()[:32]}"


class ListedContact(Record):
    """A contact of a list, with when the vendor has known it since.

    Attributes:
        contact: the contact, with the fields that were asked for.
        created_at: when it was created at the vendor; None if unknown.
    """

    contact: Contact
    created_at: Moment | None = None


class ContactPage(Record):
    """One page of the list of all contacts.

    Attributes:
        contacts: in the vendor's order; a contact may come again if the list changes meanwhile.
        cursor: opaque text from which the next page continues; None on the last page.
    """

    contacts: tuple[ListedContact, ...] = ()
    cursor: str | None = None
