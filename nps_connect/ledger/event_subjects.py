"""Whom an event may be about, where the event itself does not lead to exactly one contact."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import select
from sqlmodel import Field, Session, col

from nps_connect.ledger.columns import Base, BigId
from nps_connect.ledger.upserts import insert_many


class EventSubjectRow(Base, table=True):
    """A person (``c:<id>``), mailbox (``m:<hash>``) or vendor's id (``v:<hash>``) that an event names.

    Written only for events that end without exactly one contact, that nothing listens to, or that were made by hand:
    the usual event has its `contact_id` and costs nothing more.
    """

    __tablename__ = "event_subjects"

    subject: str = Field(primary_key=True, max_length=80)
    event_id: int = Field(primary_key=True, foreign_key="events.id", sa_type=BigId, index=True)


def record_event_subjects(session: Session, named: Iterable[tuple[int, str]]) -> None:
    """Write down which subjects events name, as event id and subject; once more adds nothing."""
    rows = [{"subject": subject, "event_id": event_id} for event_id, subject in sorted(set(named))]
    insert_many(session, EventSubjectRow, rows, on_conflict=_ignore_existing)


def load_event_ids(session: Session, subjects: Collection[str], limit: int) -> list[int]:
    """The ids of the newest events that name one of these subjects, newest first."""
    query = select(col(EventSubjectRow.event_id)).where(col(EventSubjectRow.subject).in_(subjects))
    newest = query.distinct().order_by(col(EventSubjectRow.event_id).desc()).limit(limit)
    return list(session.execute(newest).scalars())


def _ignore_existing(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    return statement.on_conflict_do_nothing(index_elements=["subject", "event_id"])
