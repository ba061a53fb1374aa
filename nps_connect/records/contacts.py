"""Contacts: people, known by connection and vendor id, never by their e-mail address."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nps_connect.records.base import FieldValue, Record


class ContactKey(Record):
    """How to look a person up at a vendor.

    Attributes:
        kind: `id` for the vendor's own contact id; `email` for an address; `deal`, `ticket`, `order` for the
            id of an object whose contact is meant (the plugin follows the association).
        value: the id or address.
    """

    kind: Literal["id", "email", "deal", "ticket", "order"]
    value: str = Field(min_length=1, max_length=320)


class Contact(Record):
    """One person as a vendor knows them.

    Attributes:
        connection: name of the connection that knows the person.
        id: the vendor's id; after a merge, the survivor's.
        email: the primary address, or none.
        other_emails: further addresses of the same person.
        name: how to address the person.
        language: BCP 47 language tag, such as `fr` or `en-GB`, if the vendor knows it.
        timezone: IANA name, only if the vendor knows it (never guessed).
        opted_out: the vendor says that this person must not receive such mail.
        deleted: the vendor has deleted (or archived) the person.
        merged_ids: earlier ids that now lead to this contact.
        link: address of the person's page in the vendor's application.
        fields: further properties that filters asked for.
    """

    connection: str
    id: str = Field(min_length=1, max_length=200)
    email: str | None = None
    other_emails: tuple[str, ...] = ()
    name: str | None = None
    language: str | None = None
    timezone: str | None = None
    opted_out: bool = False
    deleted: bool = False
    merged_ids: tuple[str, ...] = ()
    link: str | None = None
    fields: dict[str, FieldValue] = Field(default_factory=dict)


class ContactMatch(Record):
    """The answer to one `ContactKey`: no, one or several contacts. Several is an answer, not a guess."""

    key: ContactKey
    contacts: tuple[Contact, ...] = ()
