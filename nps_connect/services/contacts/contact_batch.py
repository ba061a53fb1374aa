"""Before deciding: everything that the ledger knows of the people of a batch of events, in a few queries."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, Text, bindparam, cast, func, select, update
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.operational_tables import SuppressionRow
from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject, person_subject
from nps_connect.ledger.tables import ContactRow, InvitationRow, ResponseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.contacts import Contact
from nps_connect.records.responses import NPS_SCALE
from nps_connect.records.surveys import ContactHistory
from nps_connect.rules.limit_state import Person
from nps_connect.services.contacts.store import upsert_contact

SEEN_UPDATE_INTERVAL = timedelta(hours=1)
"""A person who is seen more often than this is not written down again if nothing else changed."""

ContactRef = tuple[str, str]
"""A person's connection and vendor id."""


class StoredContact(NamedTuple):
    """A stored person, as far as decisions need it."""

    id: int
    mailbox: str | None
    language: str | None
    erased: bool = False


def upsert_contacts(session: Session, contacts: Iterable[Contact], now: datetime) -> dict[ContactRef, StoredContact]:
    """Store what vendors tell of many people, as `upsert_contact` does for one; the rows by connection and vendor id."""
    told = {(contact.connection, contact.id): contact for contact in contacts}
    stored = _load_stored(session, told)
    missing = [key for key in sorted(told) if key not in stored]
    known: dict[ContactRef, StoredContact] = {}
    if missing:
        known = _insert_contacts(session, [_contact_values(told[key], now) for key in missing])
        stored |= _load_stored(session, [key for key in missing if key not in known])  # another worker was quicker
    stale: list[dict[str, Any]] = []
    for key, row in sorted(stored.items()):  # in one order, so that workers never wait for each other in a circle
        contact = told[key]
        erased = row.erased_at is not None
        known[key] = StoredContact(row.id, row.mailbox, row.language, erased)
        if now - row.seen_at >= SEEN_UPDATE_INTERVAL or _changed(row, contact):
            stale.append(_update_values(row, contact, now))
            known[key] = StoredContact(row.id, stale[-1]["to_mailbox"], stale[-1]["to_language"], erased)
    if stale:
        _update_contacts(session, stale)
    for key, contact in told.items():
        if contact.merged_ids:
            merged = upsert_contact(session, contact, now)
            known[key] = StoredContact(merged.id or 0, merged.mailbox, merged.language, merged.erased_at is not None)
    return known


_COLUMNS: tuple[Any, ...] = (
    ContactRow.id,
    ContactRow.connection,
    ContactRow.vendor_id,
    ContactRow.mailbox,
    ContactRow.language,
    ContactRow.opted_out,
    ContactRow.deleted_at,
    ContactRow.erased_at,
    ContactRow.seen_at,
    cast(ContactRow.record, Text).label("record"),
)
_UPDATED_COLUMNS = ("email", "mailbox", "name", "language", "record", "opted_out", "deleted_at", "seen_at")


def _load_stored(session: Session, keys: Iterable[ContactRef]) -> dict[ContactRef, Any]:
    ids: dict[str, list[str]] = defaultdict(list)
    for connection, vendor_id in keys:
        ids[connection].append(vendor_id)
    found: dict[ContactRef, Any] = {}
    for connection, vendor_ids in ids.items():
        query = select(*_COLUMNS).where(
            col(ContactRow.connection) == connection, in_list(col(ContactRow.vendor_id), "ids")
        )
        found |= {(row.connection, row.vendor_id): row for row in session.execute(query, {"ids": vendor_ids}).all()}
    return found


def _insert_contacts(session: Session, fresh: Sequence[Mapping[str, Any]]) -> dict[ContactRef, StoredContact]:
    """Insert people who are not there yet; those who are in the meantime are left out."""
    names = ("connection", "vendor_id", "id", "mailbox", "language")
    added = insert_many(session, ContactRow, fresh, on_conflict=_ignore_conflict, returning=names)
    return {(connection, vendor_id): StoredContact(*rest) for connection, vendor_id, *rest in added}


def _ignore_conflict(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    return statement.on_conflict_do_nothing(index_elements=["connection", "vendor_id"])


def _contact_values(contact: Contact, now: datetime) -> dict[str, Any]:
    return {
        "connection": contact.connection,
        "vendor_id": contact.id,
        "email": contact.email,
        "mailbox": mailbox_hash(contact.email) if contact.email else None,
        "name": contact.name,
        "language": contact.language,
        "opted_out": contact.opted_out,
        "deleted_at": now if contact.deleted else None,
        "record": contact,
        "seen_at": now,
    }


def _changed(row: Any, contact: Contact) -> bool:  # noqa: ANN401  # a row of `_STATE_COLUMNS`
    if row.opted_out != contact.opted_out or (row.deleted_at is not None) != contact.deleted:
        return True
    if row.erased_at is not None or row.record == contact.model_dump_json():
        return False
    return bool(json.loads(row.record) != contact.model_dump(mode="json"))


def _update_values(row: Any, contact: Contact, now: datetime) -> dict[str, Any]:  # noqa: ANN401  # a row of `_STATE_COLUMNS`
    """The new values of a stored person. An erased one keeps only the id: nothing personal is stored again."""
    fresh = _contact_values(contact, now) | {"record": contact.model_dump(mode="json")}
    if row.erased_at is not None:
        fresh |= {"email": None, "mailbox": None, "name": None, "language": None, "record": {}}
    fresh["deleted_at"] = (row.deleted_at or now) if contact.deleted else None
    return {"of_id": row.id, **{f"to_{name}": fresh[name] for name in _UPDATED_COLUMNS}}


def _update_contacts(session: Session, values: Sequence[Mapping[str, Any]]) -> None:
    bare = ContactRow.__table__  # type: ignore[attr-defined]
    each = update(bare).where(bare.c.id == bindparam("of_id"))
    written = each.values({name: bindparam(f"to_{name}", type_=bare.c[name].type) for name in _UPDATED_COLUMNS})
    session.connection().execute(written, values)


def load_people(
    session: Session, mailboxes: Mapping[int, str | None], *, with_history: bool = True
) -> dict[int, Person]:
    """What the ledger knows of each of these contacts, by contact id.

    Args:
        session: for reading.
        mailboxes: their hashed addresses.
        past: read their history too; without it, it is empty.
    """
    same = _merged_groups(session, mailboxes)
    subjects = {
        contact_id: (*sorted(map(person_subject, same[contact_id])), *((mailbox_subject(hashed),) if hashed else ()))
        for contact_id, hashed in mailboxes.items()
    }
    reasons = _load_suppressions(session, {subject for group in subjects.values() for subject in group})
    histories = _load_histories(session, same) if with_history else {}
    found = {}
    for contact_id, own in subjects.items():
        why = min((reasons[subject] for subject in own if subject in reasons), default=None) if reasons else None
        found[contact_id] = Person(own, why, histories.get(contact_id, _EMPTY_HISTORY))
    return found


_EMPTY_HISTORY = ContactHistory()


def _merged_groups(session: Session, known: Iterable[int]) -> dict[int, set[int]]:
    """Each contact with all who were merged into it."""
    groups = {contact_id: {contact_id} for contact_id in known}
    leads_to: dict[int, set[int]] = {}
    frontier = set(groups)
    while frontier:
        rows = session.execute(_SELECT_MERGED, {"ids": list(frontier)}).all()
        leads_to = leads_to or ({contact_id: {contact_id} for contact_id in groups} if rows else {})
        frontier = set()
        for one, into in rows:
            grown = leads_to[into] - leads_to.get(one, set())
            if grown:
                leads_to.setdefault(one, set()).update(grown)
                frontier.add(one)
                for contact_id in grown:
                    groups[contact_id].add(one)
    return groups


_SELECT_MERGED: Select[*tuple[Any, ...]] = select(col(ContactRow.id), col(ContactRow.merged_into)).where(
    in_list(col(ContactRow.merged_into), "ids")
)


def _load_suppressions(session: Session, subjects: Iterable[str]) -> dict[str, str]:
    query = select(col(SuppressionRow.subject), func.min(col(SuppressionRow.reason)))
    query = query.where(in_list(col(SuppressionRow.subject), "subjects")).group_by(col(SuppressionRow.subject))
    return dict(session.execute(query, {"subjects": list(subjects)}).all())


def _load_histories(session: Session, same: Mapping[int, set[int]]) -> dict[int, ContactHistory]:
    surveyed = _load_last_surveyed(session, {member for group in same.values() for member in group})
    answers = _load_responses(session, same)
    found = {}
    for contact_id, members in same.items():
        moments = [surveyed[member] for member in members if member in surveyed]
        count, score, answered_at = answers.get(contact_id, (0, None, None))
        found[contact_id] = ContactHistory(
            last_surveyed_at=max(moments, default=None),
            last_score=score,
            last_answered_at=answered_at,
            answers=count,
        )
    return found


def _load_last_surveyed(session: Session, contact_ids: Iterable[int]) -> dict[int, datetime]:
    query = select(col(InvitationRow.contact_id), func.max(col(InvitationRow.sent_at)))
    query = query.where(in_list(col(InvitationRow.contact_id), "ids"), col(InvitationRow.sent_at).is_not(None))
    return dict(session.execute(query.group_by(col(InvitationRow.contact_id)), {"ids": list(contact_ids)}).all())


def _load_responses(session: Session, contact_ids: Iterable[int]) -> dict[int, tuple[int, int | None, datetime | None]]:
    """How many confirmed answers each contact gave, and the newest one's score and moment."""
    query = (
        select(col(ResponseRow.contact_id), col(ResponseRow.score), col(ResponseRow.answered_at))
        .where(in_list(col(ResponseRow.contact_id), "ids"), col(ResponseRow.revision) > 0)
        .where(col(ResponseRow.scale) == NPS_SCALE)
        .order_by(col(ResponseRow.answered_at), col(ResponseRow.id))
    )
    found: dict[int, tuple[int, int | None, datetime | None]] = {}
    for contact_id, score, answered_at in session.execute(query, {"ids": list(contact_ids)}).all():
        found[contact_id] = (found.get(contact_id, (0, None, None))[0] + 1, score, answered_at)
    return found


def single_contact(contacts: Sequence[Contact]) -> ContactRef | None:
    """The one person of an event, or none."""
    return (contacts[0].connection, contacts[0].id) if len(contacts) == 1 else None
