"""What happens now: new events, decisions, attempts of deliveries and responses, in order, filtered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.tables import (
    AttemptRow,
    ContactRow,
    DecisionRow,
    DeliveryRow,
    EventRow,
    ResponseRow,
    RevisionRow,
)
from nps_connect.services.operations import timeline
from nps_connect.services.operations.timeline import TimelineEntry

KINDS = ("event", "decision", "delivery", "response")

MAX_ROWS = 500
"""Rows of one kind that are read at a time."""

OVERLAP = 200
"""So many ids before the newest are read again: on PostgreSQL a transaction with a lower id may be committed later."""


@dataclass(frozen=True)
class TailFilter:
    """What is followed.

    Attributes:
        kinds: some of `KINDS`.
        connection: only this connection; None means all. Of a response: the connection of its contact.
        contacts: only these contacts, by row number; None means all.
    """

    kinds: tuple[str, ...] = KINDS
    connection: str | None = None
    contacts: tuple[int, ...] | None = None


@dataclass(frozen=True)
class _Source:
    """The rows of one kind: their query, the id and the columns that filters compare, and the entry of a row."""

    query: Any
    id: Any
    connection: Any
    contact: Any
    entry: Callable[[Any, tzinfo], TimelineEntry]


def _attempt_entry(row: Any, _zone: tzinfo) -> TimelineEntry:  # noqa: ANN401  # an attempt with its delivery
    attempt, delivery = row
    reason = f" ({attempt.message.strip().splitlines()[-1][:200]})" if (attempt.message or "").strip() else ""
    text = f"{delivery.action} on {delivery.connection}: {attempt.outcome}{reason}; now {delivery.state}"
    facts = {"action": delivery.action, "connection": delivery.connection, "outcome": attempt.outcome}
    facts |= {"message": attempt.message, "state": delivery.state}
    return TimelineEntry(attempt.finished_at, "delivery", attempt.delivery_id, text, facts)


_SOURCES: dict[str, _Source] = {
    "event": _Source(
        select(EventRow),
        col(EventRow.id),
        col(EventRow.connection),
        col(EventRow.contact_id),
        lambda row, _zone: timeline.event_entry(row[0]),
    ),
    "decision": _Source(
        select(DecisionRow).join(EventRow, col(EventRow.id) == col(DecisionRow.event_id)),
        col(DecisionRow.id),
        col(EventRow.connection),
        col(DecisionRow.contact_id),
        lambda row, zone: timeline.decision_entry(row[0], zone),
    ),
    "delivery": _Source(
        select(AttemptRow, DeliveryRow).join(DeliveryRow, col(DeliveryRow.id) == col(AttemptRow.delivery_id)),
        col(AttemptRow.id),
        col(DeliveryRow.connection),
        col(DeliveryRow.contact_id),
        _attempt_entry,
    ),
    "response": _Source(
        select(RevisionRow, col(ResponseRow.public_id))
        .join(ResponseRow, col(ResponseRow.id) == col(RevisionRow.response_id))
        .join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id)),
        col(RevisionRow.id),
        col(ContactRow.connection),
        col(ResponseRow.contact_id),
        lambda row, _zone: timeline.revision_entry(row[0], row[1]),
    ),
}


class Tail:
    """Follows the ledger by the ids of its rows.

    Args:
        filters: what is followed.
        since: the first call of `read` returns what happened from then on; None means nothing that happened before it.
        zone: of times inside the sentences.
    """

    def __init__(self, filters: TailFilter, since: datetime | None, zone: tzinfo) -> None:
        self._filters, self._since, self._zone = filters, since, zone
        self._seen: dict[str, set[int]] = {}

    def read(self, session: Session) -> list[TimelineEntry]:
        """Return what is new since the last call, oldest first; at most the newest `MAX_ROWS` rows of each kind."""
        entries = [entry for kind in self._filters.kinds for entry in self._read_kind(session, kind)]
        return sorted(entries, key=lambda entry: entry.at)

    def _read_kind(self, session: Session, kind: str) -> Iterator[TimelineEntry]:
        source, seen = _SOURCES[kind], self._seen.get(kind)
        query = source.query.add_columns(source.id.label("row_id")).order_by(source.id.desc()).limit(MAX_ROWS)
        if self._filters.connection is not None:
            query = query.where(source.connection == self._filters.connection)
        if self._filters.contacts is not None:
            query = query.where(source.contact.in_(self._filters.contacts))
        if seen:
            query = query.where(source.id > max(seen) - OVERLAP)
        rows = session.execute(query).all()
        known_ids = seen or set()
        all_ids = known_ids.union(row.row_id for row in rows)
        oldest_kept = max(all_ids, default=0) - OVERLAP
        self._seen[kind] = {row_id for row_id in all_ids if row_id > oldest_kept}
        for row in reversed(rows):
            if row.row_id in known_ids:
                continue
            entry = source.entry(row[:-1], self._zone)
            if seen is not None or (self._since is not None and entry.at >= self._since):
                yield entry
