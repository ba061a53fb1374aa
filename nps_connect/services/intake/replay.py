"""Replay: events and unreadable webhooks go through the walk again; hand-made events are marked as such."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select, update
from sqlmodel import Session, col

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import EventRow, RawRequest
from nps_connect.records.base import FieldValue
from nps_connect.records.contacts import ContactKey
from nps_connect.records.events import Event, fact_key
from nps_connect.services.context import Context, decide_queue
from nps_connect.services.intake.store_events import store_events

REPLAYABLE_STATES = ("succeeded", "dead")
"""States from which work begins again; the rest is at it already."""

REPLAY_BATCH = 500


@dataclass(frozen=True)
class ReplayFilter:
    """Which events, or raw requests, are meant; what is none does not narrow.

    Attributes:
        ids: only these.
        connection: only of this connection.
        state: only in this state.
        kind: only events of this kind.
        contacts: only events of these people.
        since: only those that came in from then on.
        until: only those that came in before.
    """

    ids: tuple[int, ...] = ()
    connection: str | None = None
    state: str | None = None
    kind: str | None = None
    contacts: tuple[int, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self, table: type[EventRow | RawRequest]) -> Any:  # noqa: ANN401  # an SQL condition
        """The condition on a table."""
        conditions: list[Any] = [col(table.id).in_(self.ids)] if self.ids else []
        conditions += [col(table.connection) == self.connection] if self.connection else []
        conditions += [col(table.state) == self.state] if self.state else []
        conditions += [col(EventRow.kind) == self.kind] if self.kind else []
        conditions += [col(EventRow.contact_id).in_(self.contacts)] if self.contacts is not None else []
        conditions += [col(table.received_at) >= self.since] if self.since else []
        conditions += [col(table.received_at) < self.until] if self.until else []
        return conditions


def find_rows(session: Session, table: type[EventRow | RawRequest], chosen: ReplayFilter, limit: int) -> Sequence[Any]:
    """The newest rows that are meant."""
    query = select(table).where(*chosen.conditions(table)).order_by(col(table.id).desc()).limit(limit)
    return list(session.execute(query).scalars())


def has_intake_from(session: Session, name: str) -> bool:
    """Whether anything of such a connection came in, be it configured still or not."""
    events = select(col(EventRow.id)).where(col(EventRow.connection) == name)
    requests = select(col(RawRequest.id)).where(col(RawRequest.connection) == name)
    return any(session.execute(query.limit(1)).first() is not None for query in (events, requests))


@dataclass(frozen=True)
class ReplayExtent:
    """How much a replay is about.

    Attributes:
        rows: events, or raw requests, that would go through the walk again.
        people: whom they are about, as far as they are known.
        last: the greatest id of them.
    """

    rows: int
    people: int
    last: int


def measure_replay(
    session: Session,
    table: type[EventRow | RawRequest],
    chosen: ReplayFilter,
    *,
    states: Sequence[str] = REPLAYABLE_STATES,
) -> ReplayExtent:
    """How much a replay of rows in these states would be about."""
    people = func.count(col(EventRow.contact_id).distinct()) if table is EventRow else literal(0)
    query = select(func.count(), people, func.coalesce(func.max(col(table.id)), 0)).select_from(table)
    return ReplayExtent(*session.execute(query.where(*chosen.conditions(table), col(table.state).in_(states))).one())


def iter_id_batches(
    ledger: Ledger,
    table: type[EventRow | RawRequest],
    chosen: ReplayFilter,
    last: int,
    *,
    states: Sequence[str] = REPLAYABLE_STATES,
    size: int = REPLAY_BATCH,
) -> Iterator[Sequence[int]]:
    """The ids of what would be replayed, up to and with the last one, in their order; a batch for each transaction."""
    after = 0
    while True:
        query = select(col(table.id)).where(*chosen.conditions(table), col(table.state).in_(states))
        query = query.where(col(table.id) > after, col(table.id) <= last).order_by(col(table.id)).limit(size)
        with ledger.read() as session:
            ids = [one or 0 for one in session.execute(query).scalars()]
        if not ids:
            return
        yield ids
        after = ids[-1]


def missing_ids(session: Session, table: type[EventRow | RawRequest], ids: Sequence[int]) -> list[int]:
    """Which of these ids there are not."""
    known = set(session.execute(select(col(table.id)).where(col(table.id).in_(ids))).scalars())
    return [one for one in ids if one not in known]


def replay(
    session: Session,
    table: type[EventRow | RawRequest],
    ids: Sequence[int],
    now: datetime,
    *,
    states: Sequence[str] = REPLAYABLE_STATES,
) -> list[int]:
    """Let rows in these states go through the walk again; the ids of those that do. Wake their queues after the commit.

    What has been decided stays decided: a replay adds what is missing and never asks anybody twice. A replayed event
    is as old as it is now.
    """
    values: dict[str, Any] = {"state": "pending", "due_at": now, "attempts": 0, "last_error": None}
    if table is EventRow:
        values["replayed_at"] = now
    again = (
        update(table)
        .where(col(table.id).in_(ids), col(table.state).in_(states))
        .values(**values)
        .returning(col(table.id))
        .execution_options(synchronize_session=False)
    )
    return [one or 0 for one in session.execute(again).scalars()]


def create_manual_event(
    ctx: Context,
    connection: str,
    kind: str,
    *,
    contact: ContactKey,
    object_id: str | None,
    fields: dict[str, FieldValue],
) -> tuple[int, bool]:
    """Take in a hand-made event, marked as such; its id, and whether it is new.

    Args:
        ctx: the joined parts.
        connection: as if it had come from there.
        kind: of event.
        contact: the person, looked up at the connection.
        object_id: of the object it happened to; if not given, the contact's id, or one made from a hash of the address.
        fields: what filters see, beside what the vendor knows.
    """
    now = ctx.clock()
    about = object_id or (f"by-hand-{mailbox_hash(contact.value)[:16]}" if contact.kind == "email" else contact.value)
    event = Event(
        key=f"manual:{fact_key(kind, about, now)}"[:400],
        kind=kind,
        object_id=about[:200],
        occurred_at=now,
        contact_key=contact,
        fields=fields,
    )
    with ctx.ledger.write() as session:
        new = store_events(ctx, session, connection, [event], source="manual")
        query = select(col(EventRow.id)).where(col(EventRow.connection) == connection, col(EventRow.key) == event.key)
        event_id = int(session.execute(query).scalar_one())
    ctx.wake(decide_queue(connection))
    return event_id, bool(new)
