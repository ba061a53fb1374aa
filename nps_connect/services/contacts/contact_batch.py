"""Look up, store and read the contacts of a batch of events, in a few statements for any number of contacts."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Select, Text, bindparam, cast, func, select, update
from sqlmodel import Session, col

from nps_connect.errors import DeliveryError, OutcomeUnknown, PluginError, RetryLater
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.subjects import mailbox_hash, mailbox_subjects, person_subject
from nps_connect.ledger.suppressions import UNCONFIRMED, SuppressionRow
from nps_connect.ledger.tables import ContactRow, InvitationRow, ResponseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.base import NPS_SCALE
from nps_connect.records.contacts import Contact, ContactKey, ContactMatch
from nps_connect.records.surveys import ContactHistory
from nps_connect.rules.trigger_decision import Person
from nps_connect.services.context import Context

log = logging.getLogger(__name__)

ContactRef = tuple[str, str]
"""Connection and vendor id of a contact."""

_EMPTY_HISTORY = ContactHistory()
_CONTACTS = ContactRow.__table__.c
_SELECT_CONTACTS: Select[*tuple[Any, ...]] = (
    select(
        _CONTACTS.id,
        _CONTACTS.connection,
        _CONTACTS.vendor_id,
        _CONTACTS.mailbox,
        _CONTACTS.language,
        _CONTACTS.opted_out,
        _CONTACTS.deleted_at,
        _CONTACTS.erased_at,
        cast(_CONTACTS.record, Text).label("record"),
    )
    .where(_CONTACTS.connection == bindparam("from_connection"), in_list(_CONTACTS.vendor_id, "ids"))
    .with_for_update(read=True, key_share=True)  # an erasure waits for who stores data of the contact
)
_UPDATE_CONTACTS = update(ContactRow.__table__).where(_CONTACTS.id == bindparam("row_id"))
_SELECT_SUPPRESSIONS: Select[*tuple[Any, ...]] = (
    select(col(SuppressionRow.subject), func.min(col(SuppressionRow.reason)))
    .where(in_list(col(SuppressionRow.subject), "subjects"))
    .group_by(col(SuppressionRow.subject))
)
_SELECT_MERGED: Select[*tuple[Any, ...]] = select(col(ContactRow.id), col(ContactRow.merged_into)).where(
    in_list(col(ContactRow.merged_into), "ids")
)


class StoredContact(NamedTuple):
    """A stored contact, as far as decisions need it."""

    id: int
    mailbox: str | None
    language: str | None
    erased: bool = False


def single_contact(contacts: Sequence[Contact]) -> ContactRef | None:
    """Reference of the contact if there is exactly one, else None."""
    return (contacts[0].connection, contacts[0].id) if len(contacts) == 1 else None


def find_contacts(ctx: Context, connection: str, keys: Sequence[ContactKey]) -> list[ContactMatch]:
    """Look contacts up at a connection with one hook call; one match per key, in the order of the keys.

    Raises:
        DeliveryError: the vendor is unavailable or refuses.
        PluginError: the plugin did not return one match per key, in order.
    """
    target = ctx.connections[connection]
    matches: list[ContactMatch] = list(
        ctx.plugins.call(target.settings.plugin, "nps_find_contacts", connection=target, keys=keys)
    )
    if list(map(attrgetter("key"), matches)) != list(keys):
        raise PluginError(target.settings.plugin, "nps_find_contacts did not answer key by key, in order")
    return matches


def try_find_contacts(
    ctx: Context, connection: str, keys: Sequence[ContactKey]
) -> dict[ContactKey, tuple[Contact, ...]] | DeliveryError:
    """Return the matches by key, or why there are none: an error of the connection that leaves nothing in doubt."""
    try:
        return dict(map(attrgetter("key", "contacts"), find_contacts(ctx, connection, keys)))
    except OutcomeUnknown as error:  # a look-up has no effect that could have happened
        return RetryLater(
            error.message,
            connection=connection,
            status=error.status,
            request_id=error.request_id,
            exchange=error.exchange,
        )
    except DeliveryError as error:
        error.connection = connection
        return error
    except PluginError as error:
        return RetryLater(f"contacts cannot be looked up: {error.problem}", connection=connection)
    except Exception as error:  # no mail goes out on stale data
        log.exception("contact_lookup_failed connection=%s", connection)
        return RetryLater(f"contacts cannot be looked up ({type(error).__name__})", connection=connection)


def upsert_contacts(session: Session, contacts: Iterable[Contact], now: datetime) -> dict[ContactRef, StoredContact]:
    """Store contacts as their vendors know them, with merges; return the stored contacts by reference.

    An erased contact keeps only its id: nothing personal is stored again.
    """
    contact_by_ref: dict[ContactRef, Contact] = {}
    for contact in contacts:
        contact_by_ref[contact.connection, contact.id] = contact
    rows = _load_rows(session, contact_by_ref)
    stored: dict[ContactRef, StoredContact] = {}
    new_contacts: dict[ContactRef, dict[str, Any]] = {}
    for ref in sorted(contact_by_ref.keys() - rows.keys()):
        values = _contact_values(contact_by_ref[ref], now)
        new_contacts[ref] = {"connection": ref[0], "vendor_id": ref[1], "created_at": now, **values}
    if new_contacts:
        unique = ("connection", "vendor_id")
        returning = (*unique, "id", "mailbox", "language")
        new_rows = list(new_contacts.values())
        inserted = insert_many(session, ContactRow, new_rows, skip_existing=unique, returning=returning)
        for connection, vendor_id, *columns in inserted:
            stored[connection, vendor_id] = StoredContact(*columns)
        rows |= _load_rows(session, new_contacts.keys() - stored.keys())  # inserted by another worker
    changed: list[dict[str, Any]] = []
    for ref, row in sorted(rows.items()):  # one order for all workers prevents deadlocks
        contact, is_erased = contact_by_ref[ref], row.erased_at is not None
        stored[ref] = StoredContact(row.id, row.mailbox, row.language, is_erased)
        if _has_changed(row, contact):
            values = _updated_values(row, contact, now)
            changed.append({"row_id": row.id, **values})
            stored[ref] = StoredContact(row.id, values["mailbox"], values["language"], is_erased)
    if changed:
        session.connection().execute(_UPDATE_CONTACTS, changed)
    for ref, contact in contact_by_ref.items():
        if contact.merged_ids:
            _record_merge(session, contact, stored[ref].id)
    return stored


def _load_rows(session: Session, refs: Iterable[ContactRef]) -> dict[ContactRef, Any]:
    vendor_ids: dict[str, list[str]] = defaultdict(list)
    for connection, vendor_id in refs:
        vendor_ids[connection].append(vendor_id)
    rows: dict[ContactRef, Any] = {}
    for connection, ids in vendor_ids.items():
        for row in session.execute(_SELECT_CONTACTS, {"from_connection": connection, "ids": ids}):
            rows[row.connection, row.vendor_id] = row
    return rows


def _contact_values(contact: Contact, now: datetime) -> dict[str, Any]:
    return {
        "email": contact.email,
        "mailbox": mailbox_hash(contact.email) if contact.email else None,
        "name": contact.name,
        "language": contact.language,
        "opted_out": contact.opted_out,
        "deleted_at": now if contact.deleted else None,
        "record": contact,
    }


def _has_changed(row: Any, contact: Contact) -> bool:  # noqa: ANN401  # a row of `_SELECT_CONTACTS`
    if row.opted_out != contact.opted_out or (row.deleted_at is not None) != contact.deleted:
        return True
    if row.erased_at is not None or row.record == contact.model_dump_json():
        return False
    return bool(json.loads(row.record) != contact.model_dump(mode="json"))


def _updated_values(row: Any, contact: Contact, now: datetime) -> dict[str, Any]:  # noqa: ANN401  # a row of `_SELECT_CONTACTS`
    values = _contact_values(contact, now) | {"record": contact.model_dump(mode="json")}
    if row.erased_at is not None:
        values |= {"email": None, "mailbox": None, "name": None, "language": None, "record": {}}
    return values | {"deleted_at": (row.deleted_at or now) if contact.deleted else None}


def _record_merge(session: Session, contact: Contact, contact_id: int) -> None:
    """Let the stored contacts of merged vendor ids lead to the surviving contact."""
    session.execute(
        update(ContactRow)
        .where(
            col(ContactRow.connection) == contact.connection,
            col(ContactRow.vendor_id).in_(contact.merged_ids),
            col(ContactRow.id) != contact_id,
        )
        .values(merged_into=contact_id)
        .execution_options(synchronize_session="fetch")
    )


def load_people(
    session: Session, mailboxes: Mapping[int, str | None], erasure_keys: Sequence[bytes], *, with_history: bool = False
) -> dict[int, Person]:
    """Load what the ledger knows of contacts and of all who were merged into them.

    Args:
        session: for reading.
        mailboxes: hashed mailbox by contact id.
        erasure_keys: of the context.
        with_history: load earlier surveys and responses too; without it, histories are empty.
    """
    groups = load_merged_groups(session, mailboxes)
    subjects: dict[int, tuple[str, ...]] = {}
    erased_subjects: dict[int, list[str]] = {}
    for contact_id, mailbox in mailboxes.items():
        own_subject, *erased = mailbox_subjects(mailbox, erasure_keys) if mailbox else (None,)
        people_subjects = sorted(map(person_subject, groups[contact_id]))
        subjects[contact_id] = (*people_subjects, own_subject) if own_subject else tuple(people_subjects)
        erased_subjects[contact_id] = erased
    named = set(chain(*subjects.values(), *erased_subjects.values()))
    reasons = dict(session.execute(_SELECT_SUPPRESSIONS, {"subjects": list(named)}).all())
    histories = _load_histories(session, groups) if with_history else {}
    people = {}
    for contact_id, group in subjects.items():
        compared = (*group, *erased_subjects[contact_id])
        reason = (
            min((reasons[subject] for subject in compared if subject in reasons), default=None) if reasons else None
        )
        history = histories.get(contact_id, _EMPTY_HISTORY)
        if reason == UNCONFIRMED:  # in alphabetical order the last: any other reason comes first
            people[contact_id] = Person(group, None, history, is_unconfirmed=True)
        else:
            people[contact_id] = Person(group, reason, history)
    return people


def load_merged_groups(session: Session, contact_ids: Iterable[int]) -> dict[int, set[int]]:
    """Each contact id with the ids of all contacts that were merged into it."""
    groups = {contact_id: {contact_id} for contact_id in contact_ids}
    survivors: dict[int, set[int]] = {}
    frontier = set(groups)
    while frontier:
        rows = session.execute(_SELECT_MERGED, {"ids": list(frontier)}).all()
        survivors = survivors or ({contact_id: {contact_id} for contact_id in groups} if rows else {})
        frontier = set()
        for merged_id, merged_into in rows:
            gained = survivors[merged_into] - survivors.get(merged_id, set())
            if gained:
                survivors.setdefault(merged_id, set()).update(gained)
                frontier.add(merged_id)
                for contact_id in gained:
                    groups[contact_id].add(merged_id)
    return groups


def _load_histories(session: Session, groups: Mapping[int, set[int]]) -> dict[int, ContactHistory]:
    """Return the last survey of a contact and of all who were merged into it, and the contact's confirmed responses."""
    sent = select(col(InvitationRow.contact_id), func.max(col(InvitationRow.sent_at))).where(
        in_list(col(InvitationRow.contact_id), "ids"), col(InvitationRow.sent_at).is_not(None)
    )
    members = {member for group in groups.values() for member in group}
    sent_at = dict(session.execute(sent.group_by(col(InvitationRow.contact_id)), {"ids": list(members)}).all())
    responses = (
        select(col(ResponseRow.contact_id), col(ResponseRow.score), col(ResponseRow.answered_at))
        .where(in_list(col(ResponseRow.contact_id), "ids"), col(ResponseRow.revision) > 0)
        .where(col(ResponseRow.scale) == NPS_SCALE)
        .order_by(col(ResponseRow.answered_at), col(ResponseRow.id))
    )
    newest: dict[int, tuple[int, int | None, datetime | None]] = {}
    for contact_id, score, answered_at in session.execute(responses, {"ids": list(groups)}).all():
        newest[contact_id] = (newest.get(contact_id, (0,))[0] + 1, score, answered_at)
    histories = {}
    for contact_id, group in groups.items():
        count, score, answered_at = newest.get(contact_id, (0, None, None))
        histories[contact_id] = ContactHistory(
            last_surveyed_at=max((sent_at[member] for member in group if member in sent_at), default=None),
            last_score=score,
            last_answered_at=answered_at,
            answers=count,
        )
    return histories
