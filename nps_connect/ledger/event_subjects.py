"""Subjects that an event names, where the event does not lead to exactly one contact."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import select
from sqlmodel import Field, Session, col

from nps_connect.ledger.columns import Base, BigId
from nps_connect.ledger.upserts import insert_many


class EventSubjectRow(Base, table=True):
    """A contact (``c:<id>``), mailbox (``m:<hash>``) or vendor id (``v:<hash>``) that an event names.

    Written only for events that end without exactly one contact, that no trigger uses, or that were created by hand:
    other events have their `contact_id`.
    """

    __tablename__ = "event_subjects"

    subject: str = Field(primary_key=True, max_length=80)
    event_id: int = Field(primary_key=True, foreign_key="events.id", sa_type=BigId, index=True)


def record_event_subjects(session: Session, pairs: Iterable[tuple[int, str]]) -> None:
    """Record the subjects of events, as pairs of event id and subject. Idempotent."""
    rows = [{"subject": subject, "event_id": event_id} for event_id, subject in sorted(set(pairs))]
    insert_many(session, EventSubjectRow, rows, skip_existing=("subject", "event_id"))


def load_event_ids(session: Session, subjects: Collection[str], limit: int) -> list[int]:
    """Load the ids of the newest events that name one of these subjects, newest first."""
    query = select(col(EventSubjectRow.event_id)).where(col(EventSubjectRow.subject).in_(subjects))
    newest = query.distinct().order_by(col(EventSubjectRow.event_id).desc()).limit(limit)
    return list(session.execute(newest).scalars())
