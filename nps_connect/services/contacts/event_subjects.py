"""Record and find the persons that an event names when it does not lead to exactly one contact, or not yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Text, cast, select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import PENDING
from nps_connect.ledger.columns import decide_queue
from nps_connect.ledger.subjects import (
    contact_key_subject,
    load_event_ids,
    mailbox_hash,
    mailbox_subject,
    person_subject,
    record_event_subjects,
    vendor_id_subject,
)
from nps_connect.ledger.tables import EventRow
from nps_connect.records.events import Event
from nps_connect.services.contacts.contact_batch import StoredContact

UNDECIDED_SCAN_LIMIT = 1000
"""Events of a connection that are scanned for undecided ones: so many earliest due, and so many latest received."""


def record_event_keys(session: Session, connection: str, events: Iterable[tuple[int, Event]]) -> None:
    """Record the subject that the contact key of each event names.

    Args:
        session: the transaction.
        connection: of the events.
        events: each with its row id.
    """
    record_event_subjects(
        session, [(event_id, subject) for event_id, event in events for subject in _key_subjects(connection, event)]
    )


def record_candidates(
    session: Session,
    connection: str,
    events: Iterable[tuple[int, Event]],
    contacts: Mapping[tuple[str, str], StoredContact],
) -> None:
    """Record whom decided events may be about, for those without exactly one contact.

    Args:
        session: the transaction.
        connection: of the events.
        events: each with its row id.
        contacts: the stored contacts by connection and vendor id.
    """
    open_events = [(event_id, event) for event_id, event in events if len(event.contacts) != 1]
    if not open_events:
        return
    record_event_keys(session, connection, open_events)
    candidates = [
        (event_id, person_subject(contacts[contact.connection, contact.id].id))
        for event_id, event in open_events
        for contact in event.contacts
    ]
    record_event_subjects(session, candidates)


def find_event_ids(session: Session, connections: Collection[str], subjects: Collection[str], limit: int) -> set[int]:
    """Ids of events that name one of these subjects: recorded ones, and undecided ones that are scanned.

    Args:
        session: for reading.
        connections: whose undecided events are scanned.
        subjects: of a person: mailbox, vendor id, contact.
        limit: maximum number of recorded events, newest first.
    """
    event_ids = set(load_event_ids(session, subjects, limit))
    for connection in connections:
        for event_id, record in _load_undecided(session, connection):
            try:
                event = Event.model_validate_json(record)
            except ValueError:  # a damaged record goes dead when it is claimed
                continue
            if not _event_subjects(connection, event).isdisjoint(subjects):
                event_ids.add(event_id)
    return event_ids


def parse_subjects(text: str, connections: Sequence[str]) -> list[str]:
    """Subjects that an e-mail address, a vendor id or ``connection:id`` of an unknown person may mean."""
    connection, colon, value = text.partition(":")
    if "@" in text:
        return [mailbox_subject(mailbox_hash(text))]
    if colon and connection in connections:
        return [vendor_id_subject(connection, value)]
    return [vendor_id_subject(connection, text) for connection in connections]


def _load_undecided(session: Session, connection: str) -> list[tuple[int, str]]:
    """Undecided events with their records; each end of the queue is read by its own index."""
    columns = [
        col(EventRow.id),
        cast(col(EventRow.record), Text).label("record"),
        col(EventRow.state),
        col(EventRow.contact_id),
    ]
    due = (col(EventRow.queue_name) == decide_queue(connection)) & (col(EventRow.state) == PENDING)
    first_due = select(*columns).where(due).order_by(col(EventRow.due_at), col(EventRow.id))
    last_received = (
        select(*columns).where(col(EventRow.connection) == connection).order_by(col(EventRow.received_at).desc())
    )
    rows: dict[int, str] = {}
    for end in (first_due, last_received):
        scanned = end.limit(UNDECIDED_SCAN_LIMIT).subquery()
        is_open = scanned.c.state.in_(("pending", "running")) & scanned.c.contact_id.is_(None)
        rows |= dict(session.execute(select(scanned.c.id, scanned.c.record).where(is_open)).all())
    return list(rows.items())


def _event_subjects(connection: str, event: Event) -> set[str]:
    subjects = {vendor_id_subject(contact.connection, contact.id) for contact in event.contacts}
    subjects |= {mailbox_subject(mailbox_hash(contact.email)) for contact in event.contacts if contact.email}
    return subjects | _key_subjects(connection, event)


def _key_subjects(connection: str, event: Event) -> set[str]:
    key = event.contact_key
    subject = contact_key_subject(connection, key.kind, key.value) if key else None
    return {subject} if subject else set()
