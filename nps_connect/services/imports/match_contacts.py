"""Find or create the contacts of imported people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any

from sqlmodel import Session

from nps_connect.records.contacts import Contact, ContactKey
from nps_connect.rendering.catalogs import choose_language
from nps_connect.rules.imports.row_errors import RowError, RowErrors
from nps_connect.services.contacts.contact_batch import StoredContact, find_contacts, upsert_contacts
from nps_connect.services.context import Context
from nps_connect.services.imports.import_file import iter_batches
from nps_connect.services.imports.people import ImportedPerson, erased_fingerprints, retry_lookup

CONTACT_LOOKUP_BATCH = 100
"""People per look-up."""

IMPORT_TRIGGER_PREFIX = "import:"
"""Prefix of the trigger of an imported invitation; the public id of its response, or its own key, follows."""

ERASED_DETAIL = "this person was erased: nothing of them is stored again"


@dataclass(frozen=True)
class ImportTarget:
    """Where the responses and invitations of a file belong.

    Attributes:
        survey: the survey that they answer.
        connection: the connection that knows the people.
        lookup_enabled: people are looked up there; unknown ones are stored under the channel of the survey.
    """

    survey: str
    connection: str
    lookup_enabled: bool


def match_contacts(
    ctx: Context, target: ImportTarget, people: Sequence[ImportedPerson], errors: RowErrors
) -> dict[ImportedPerson, Contact]:
    """Return the contact of each person; whoever was erased or may be several contacts is refused by line.

    Raises:
        DeliveryError: the connection cannot look the people up.
    """
    with ctx.ledger.read() as session:
        erased = erased_fingerprints(ctx, session, people)
    remaining = []
    for person in people:
        if person.fingerprint in erased:
            errors.record(RowError(person.line, "erased", ERASED_DETAIL))
        else:
            remaining.append(person)
    if not target.lookup_enabled:
        return {person: person.as_contact(target.connection) for person in remaining}
    channel = ctx.settings.surveys[target.survey].channel
    known_people = [person for person in remaining if person.source_id is None]
    contacts_by_key = _look_up(ctx, target.connection, list(dict.fromkeys(person.key for person in known_people)))
    contact_by_person = {}
    for person in remaining:
        contacts = contacts_by_key[person.key] if person.source_id is None else ()
        if len(contacts) > 1:
            detail = f"{target.connection} knows several people with this address"
            errors.record(RowError(person.line, "several_contacts", detail))
        elif not contacts and person.email is None and person.source_id is None:
            errors.record(RowError(person.line, "no_contact", f"{target.connection} does not know this person"))
        else:
            contact_by_person[person] = contacts[0] if contacts else person.as_contact(channel)
    return contact_by_person


def store_contacts(
    ctx: Context, session: Session, contact_by_person: dict[ImportedPerson, Contact], errors: RowErrors
) -> dict[ImportedPerson, StoredContact]:
    """Store the contacts of a batch; a contact that was erased is refused by line."""
    stored = upsert_contacts(session, contact_by_person.values(), ctx.clock())
    contacts = {}
    for person, contact in contact_by_person.items():
        row = stored[contact.connection, contact.id]
        if row.erased:
            errors.record(RowError(person.line, "erased", ERASED_DETAIL))
        else:
            contacts[person] = row
    return contacts


def invitation_columns(
    ctx: Context,
    target: ImportTarget,
    person: ImportedPerson,
    contact: StoredContact,
    *,
    key: str,
    sent_at: datetime,
    touchpoint: str | None = None,
) -> dict[str, Any]:
    """Return the columns of an imported invitation."""
    survey = ctx.settings.surveys[target.survey]
    language = person.language or contact.language
    return {
        "public_id": invitation_public_id(key),
        "survey": target.survey,
        "touchpoint": touchpoint or survey.touchpoint or target.survey,
        "trigger": f"{IMPORT_TRIGGER_PREFIX}{key}",
        "contact_id": contact.id,
        "language": choose_language([language, survey.language], ctx.settings.core.languages),
        "state": "imported",
        "created_at": sent_at,
        "due_at": sent_at,
        "sent_at": sent_at,
        "expires_at": sent_at,
    }


def invitation_public_id(key: str) -> str:
    """Return the public id of an imported invitation, derived from its key: it has no link, and is stored once."""
    return sha256(f"invitation:{key}".encode()).hexdigest()[:32]


def _look_up(ctx: Context, connection: str, keys: Sequence[ContactKey]) -> dict[ContactKey, tuple[Contact, ...]]:
    contacts = {}
    for batch in iter_batches(keys, CONTACT_LOOKUP_BATCH):
        for match in retry_lookup(ctx, connection, partial(find_contacts, ctx, connection, batch)):
            contacts[match.key] = match.contacts
    return contacts
