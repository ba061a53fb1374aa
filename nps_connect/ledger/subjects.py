"""Subjects: text keys of contacts and mailboxes for suppressions, cooldowns and counting, and those of events."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable

from sqlalchemy import select
from sqlmodel import Field, Session, col

from nps_connect.ledger.columns import Base, BigId
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.base import mailbox_key


class EventSubjectRow(Base, table=True):
    """A contact (``c:<id>``), mailbox (``m:<hash>``) or vendor id (``v:<hash>``) that an event names.

    Written only for events that end without exactly one contact, that no trigger uses, or that were created by hand:
    other events have their `contact_id`.
    """

    __tablename__ = "event_subjects"

    subject: str = Field(primary_key=True, max_length=80)
    event_id: int = Field(primary_key=True, foreign_key="events.id", sa_type=BigId, index=True)


def mailbox_hash(email: str) -> str:
    """Return the SHA-256 of the normalised mailbox, which identifies it without storing the address."""
    return hashlib.sha256(mailbox_key(email).encode()).hexdigest()


def person_subject(contact_id: int) -> str:
    """Return the subject of a contact."""
    return f"c:{contact_id}"


def mailbox_subject(hashed: str) -> str:
    """Return the subject of a mailbox, from its hash."""
    return f"m:{hashed}"


def mailbox_subjects(hashed: str, erasure_keys: Iterable[bytes]) -> list[str]:
    """Return the subject of a mailbox, and for each key the one under which it is stored that the mailbox was erased.

    That is a keyed hash: without the key nobody can find out by trying addresses who was erased.
    """
    subjects = [f"m:{hashed}"]
    for key in erasure_keys:
        subjects.append(f"k:{hmac.digest(key, hashed.encode(), 'sha256').hex()}")  # noqa: PERF401  # a hot path
    return subjects


def erased_subject(key: bytes, hashed: str) -> str:
    """Return the subject of an erased mailbox, from its hash."""
    return mailbox_subjects(hashed, [key])[1]


def vendor_id_subject(connection: str, value: str) -> str:
    """Return the subject of a vendor id, for events whose contact does not exist yet; the id itself is hashed."""
    return f"v:{hashlib.sha256(f'{connection}:{value}'.encode()).hexdigest()}"


def contact_key_subject(connection: str, kind: str, value: str) -> str | None:
    """Return the subject that a contact key names; None for a key of an object, such as a deal."""
    if kind == "email":
        return mailbox_subject(mailbox_hash(value))
    return vendor_id_subject(connection, value) if kind == "id" else None


def contact_subjects(contact_id: int, hashed: str | None) -> list[str]:
    """Return the subjects of contact and mailbox, sorted: everybody locks them in one order."""
    return sorted([person_subject(contact_id), *([mailbox_subject(hashed)] if hashed else [])])


def record_event_subjects(session: Session, pairs: Iterable[tuple[int, str]]) -> None:
    """Record the subjects of events, as pairs of event id and subject. Idempotent."""
    rows = [{"subject": subject, "event_id": event_id} for event_id, subject in sorted(set(pairs))]
    insert_many(session, EventSubjectRow, rows, skip_existing=("subject", "event_id"))


def load_event_ids(session: Session, subjects: Collection[str], limit: int) -> list[int]:
    """Load the ids of the newest events that name one of these subjects, newest first."""
    query = select(col(EventSubjectRow.event_id)).where(col(EventSubjectRow.subject).in_(subjects))
    newest = query.distinct().order_by(col(EventSubjectRow.event_id).desc()).limit(limit)
    return list(session.execute(newest).scalars())
