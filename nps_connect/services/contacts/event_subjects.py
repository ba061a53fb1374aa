"""Whom events name: so that a person's story holds events that do not lead to exactly one contact, or not yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Text, cast, select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import PENDING
from nps_connect.ledger.event_subjects import load_event_ids, record_event_subjects
from nps_connect.ledger.subjects import (
    contact_key_subject,
    mailbox_hash,
    mailbox_subject,
    person_subject,
    vendor_id_subject,
)
from nps_connect.ledger.tables import EventRow
from nps_connect.records.events import Event
from nps_connect.services.context import decide_queue

UNDECIDED_SCAN_LIMIT = 1000
"""How many events of a connection are looked through from either end for undecided ones: due first, came last."""


def record_contact_keys(session: Session, connection: str, events: Iterable[tuple[int, Event]]) -> None:
    """Write down whom these events' contact keys name, each with its id."""
    record_event_subjects(
        session, [(event_id, one) for event_id, event in events for one in _key_subjects(connection, event)]
    )


def record_candidates(
    session: Session, connection: str, events: Sequence[tuple[int, Event]], known: Mapping[tuple[str, str], Any]
) -> None:
    """Write down whom events may be about that end without exactly one contact.

    Args:
        session: the transaction.
        connection: of the events.
        events: each with its id.
        known: the stored contacts by connection and vendor id.
    """
    record_contact_keys(session, connection, events)
    candidates = [
        (event_id, person_subject(known[one.connection, one.id].id))
        for event_id, event in events
        for one in event.contacts
    ]
    record_event_subjects(session, candidates)


def find_event_ids(session: Session, connections: Collection[str], subjects: Collection[str], limit: int) -> set[int]:
    """The ids of events that name one of these subjects, and of undecided ones among those that are looked through.

    Args:
        session: for reading.
        connections: whose undecided events are looked through.
        subjects: of a person: mailbox, vendor's id, contact.
        limit: how many of the noted ones at most, the newest.
    """
    found = set(load_event_ids(session, subjects, limit))
    for connection in connections:
        for event_id, text in _load_undecided(session, connection):
            try:
                event = Event.model_validate_json(text)
            except ValueError:  # a damaged record; it goes dead when it is claimed
                continue
            if not _event_subjects(connection, event).isdisjoint(subjects):
                found.add(event_id)
    return found


def parse_subjects(asked: str, connections: Sequence[str]) -> list[str]:
    """The subjects that an e-mail address, a vendor id or ``connection:id`` of somebody unknown may mean."""
    connection, colon, value = asked.partition(":")
    if "@" in asked:
        return [mailbox_subject(mailbox_hash(asked))]
    if colon and connection in connections:
        return [vendor_id_subject(connection, value)]
    return [vendor_id_subject(one, asked) for one in connections]


def _load_undecided(session: Session, connection: str) -> list[tuple[int, str]]:
    """Undecided events with their records; each end is read by its own index, and no further than it may be."""
    columns = [
        col(EventRow.id),
        cast(col(EventRow.record), Text).label("record"),
        col(EventRow.state),
        col(EventRow.contact_id),
    ]
    due = (col(EventRow.queue_name) == decide_queue(connection)) & (col(EventRow.state) == PENDING)
    first = select(*columns).where(due).order_by(col(EventRow.due_at), col(EventRow.id))
    last = select(*columns).where(col(EventRow.connection) == connection).order_by(col(EventRow.received_at).desc())
    rows: dict[int, str] = {}
    for end in (first, last):
        some = end.limit(UNDECIDED_SCAN_LIMIT).subquery()
        is_open = some.c.state.in_(("pending", "running")) & some.c.contact_id.is_(None)
        rows |= dict(session.execute(select(some.c.id, some.c.record).where(is_open)).all())
    return list(rows.items())


def _event_subjects(connection: str, event: Event) -> set[str]:
    own = {vendor_id_subject(one.connection, one.id) for one in event.contacts}
    own |= {mailbox_subject(mailbox_hash(one.email)) for one in event.contacts if one.email}
    return own | _key_subjects(connection, event)


def _key_subjects(connection: str, event: Event) -> set[str]:
    key = event.contact_key
    subject = contact_key_subject(connection, key.kind, key.value) if key else None
    return {subject} if subject else set()
