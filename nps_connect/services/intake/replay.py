"""List and replay stored events and webhooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select, update
from sqlmodel import Session, col

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.list_page import ListPage, PageKey, load_page
from nps_connect.ledger.tables import EventRow, RawRequest

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
