"""Replay: events and unreadable webhooks go through the walk again; hand-made events are marked as such."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from nps_connect.flows.context import Context, decide_lane
from nps_connect.flows.storing import take_in
from nps_connect.ledger.tables import EventRow, RawRequest
from nps_connect.records.base import FieldValue
from nps_connect.records.contacts import ContactKey
from nps_connect.records.events import Event, fact_key

STILL = ("succeeded", "dead")
"""States from which work begins again; the rest is at it already."""


@dataclass(frozen=True)
class Chosen:
    """Which events, or raw requests, are meant; what is none does not narrow.

    Attributes:
        ids: only these.
        connection: only of this connection.
        state: only in this state.
        since: only those that came in from then on.
        until: only those that came in before.
    """

    ids: tuple[int, ...] = ()
    connection: str | None = None
    state: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def among(self, table: type[EventRow | RawRequest]) -> Any:  # noqa: ANN401  # an SQL condition
        """The condition on a table."""
        conditions: list[Any] = [col(table.id).in_(self.ids)] if self.ids else []
        conditions += [col(table.connection) == self.connection] if self.connection else []
        conditions += [col(table.state) == self.state] if self.state else []
        conditions += [col(table.received_at) >= self.since] if self.since else []
        conditions += [col(table.received_at) < self.until] if self.until else []
        return conditions


def find(session: Session, table: type[EventRow | RawRequest], chosen: Chosen, limit: int) -> Sequence[Any]:
    """The newest rows that are meant."""
    query = select(table).where(*chosen.among(table)).order_by(col(table.id).desc()).limit(limit)
    return list(session.execute(query).scalars())


def replay(session: Session, table: type[EventRow | RawRequest], ids: Sequence[int], now: datetime) -> int:
    """Let rows go through the walk again; returns how many do. Wake their lanes after the commit.

    What has been decided stays decided: a replay adds what is missing and never asks anybody twice.
    """
    again = (
        update(table)
        .where(col(table.id).in_(ids), col(table.state).in_(STILL))
        .values(state="pending", due_at=now, attempts=0, last_error=None)
        .returning(col(table.id))
        .execution_options(synchronize_session=False)
    )
    return len(session.execute(again).scalars().all())


def send(
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
        object_id: of the object it happened to; the contact's if not given.
        fields: what filters see, beside what the vendor knows.
    """
    now = ctx.clock()
    about = object_id or contact.value
    event = Event(
        key=f"manual:{fact_key(kind, about, now)}"[:400],
        kind=kind,
        object_id=about[:200],
        occurred_at=now,
        contact_key=contact,
        fields=fields,
    )
    with ctx.ledger.write() as session:
        new = take_in(ctx, session, connection, [event], source="manual")
        query = select(col(EventRow.id)).where(col(EventRow.connection) == connection, col(EventRow.key) == event.key)
        event_id = int(session.execute(query).scalar_one())
    ctx.wake(decide_lane(connection))
    return event_id, bool(new)
