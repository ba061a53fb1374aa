"""Replay stored events and webhooks, and create events by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select, update
from sqlmodel import Session, col

from nps_connect.ledger.columns import decide_queue
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.list_page import ListPage, PageKey, load_page
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import EventRow, RawRequest
from nps_connect.records.base import FieldValue
from nps_connect.records.contacts import ContactKey
from nps_connect.records.events import Event, fact_key
from nps_connect.services.context import Context
from nps_connect.services.intake.store_events import store_events

REPLAYABLE_STATES = ("succeeded", "dead")
"""States of rows that can be processed again; the others are being processed."""

REPLAY_BATCH = 500


@dataclass(frozen=True)
class ReplayFilter:
    """Which events or webhooks are selected. None or an empty `ids` means no filter.

    Attributes:
        ids: row ids.
        connection: name of the connection.
        states: states of the row.
        kind: kind of event.
        contacts: contact ids.
        since: earliest moment of receipt.
        until: moment of receipt before which rows are selected.
    """

    ids: tuple[int, ...] = ()
    connection: str | None = None
    states: tuple[str, ...] = ()
    kind: str | None = None
    contacts: tuple[int, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self, table: type[EventRow | RawRequest]) -> Any:  # noqa: ANN401  # an SQL condition
        """SQL conditions on a table."""
        conditions: list[Any] = [col(table.id).in_(self.ids)] if self.ids else []
        conditions += [col(table.connection) == self.connection] if self.connection else []
        conditions += [col(table.state).in_(self.states)] if self.states else []
        conditions += [col(EventRow.kind) == self.kind] if self.kind else []
        conditions += [col(EventRow.contact_id).in_(self.contacts)] if self.contacts is not None else []
        conditions += [col(table.received_at) >= self.since] if self.since else []
        conditions += [col(table.received_at) < self.until] if self.until else []
        return conditions


def find_rows(
    session: Session,
    table: type[EventRow | RawRequest],
    chosen: ReplayFilter,
    limit: int,
    after: PageKey | None = None,
) -> ListPage:
    """One page of the selected rows, newest first."""
    return load_page(session, select(table).where(*chosen.conditions(table)), [col(table.id)], limit=limit, after=after)


@dataclass(frozen=True)
class ReplayExtent:
    """Extent of a replay.

    Attributes:
        rows: number of events or webhooks that would be processed again.
        people: number of known contacts that they are about.
        last: greatest row id.
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
    """Extent of a replay of the selected rows in these states."""
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
    """Ids of the rows to be replayed, ascending, up to and including `last`; one batch per transaction."""
    after = 0
    while True:
        query = select(col(table.id)).where(*chosen.conditions(table), col(table.state).in_(states))
        query = query.where(col(table.id) > after, col(table.id) <= last).order_by(col(table.id)).limit(size)
        with ledger.read() as session:
            ids = [row_id or 0 for row_id in session.execute(query).scalars()]
        if not ids:
            return
        yield ids
        after = ids[-1]


def missing_ids(session: Session, table: type[EventRow | RawRequest], ids: Sequence[int]) -> list[int]:
    """Those of these ids that do not exist."""
    existing = set(session.execute(select(col(table.id)).where(col(table.id).in_(ids))).scalars())
    return [row_id for row_id in ids if row_id not in existing]


def replay(
    session: Session,
    table: type[EventRow | RawRequest],
    ids: Sequence[int],
    now: datetime,
    *,
    states: Sequence[str] = REPLAYABLE_STATES,
) -> list[int]:
    """Queue rows in these states again and return their ids. The caller wakes their queues after the commit.

    Decisions are kept: a replay adds missing ones and never surveys anybody twice. The age of a replayed event is
    counted up to the replay.
    """
    values: dict[str, Any] = {"state": "pending", "due_at": now, "attempts": 0, "last_error": None}
    if table is EventRow:
        values["replayed_at"] = now
    statement = (
        update(table)
        .where(col(table.id).in_(ids), col(table.state).in_(states))
        .values(**values)
        .returning(col(table.id))
        .execution_options(synchronize_session=False)
    )
    return [row_id or 0 for row_id in session.execute(statement).scalars()]


def create_manual_event(
    ctx: Context,
    connection: str,
    kind: str,
    *,
    contact: ContactKey,
    object_id: str | None,
    fields: dict[str, FieldValue],
) -> tuple[int, bool]:
    """Store an event created by hand; return its id and whether it is new.

    Args:
        ctx: the joined parts.
        connection: the connection to which it is attributed.
        kind: of event.
        contact: the person, looked up at the connection.
        object_id: id of the object; if None, the contact's id, or an id made from a hash of the address.
        fields: for filters, in addition to what the vendor knows.
    """
    now = ctx.clock()
    contact_id = f"by-hand-{mailbox_hash(contact.value)[:16]}" if contact.kind == "email" else contact.value
    subject = object_id or contact_id
    event = Event(
        key=f"manual:{fact_key(kind, subject, now)}"[:400],
        kind=kind,
        object_id=subject[:200],
        occurred_at=now,
        contact_key=contact,
        fields=fields,
    )
    with ctx.ledger.write() as session:
        new_keys = store_events(ctx, session, connection, [event], source="manual").new
        query = select(col(EventRow.id)).where(col(EventRow.connection) == connection, col(EventRow.key) == event.key)
        event_id = int(session.execute(query).scalar_one())
    ctx.wake(decide_queue(connection))
    return event_id, bool(new_keys)
