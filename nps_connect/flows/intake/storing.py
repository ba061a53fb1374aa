"""Storing events: each fact once, by its key, in the order in which the facts happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from sqlmodel import Session

from nps_connect.flows.context import Context, decide_lane
from nps_connect.flows.intake.naming import note_named
from nps_connect.flows.routing.cases import kinds_told
from nps_connect.ledger.tables import EventRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.events import Event

HOUSEKEEPING = frozenset({"contact.deleted", "contact.merged", "contact.privacy_deleted"})
"""Kinds that change what we know of a person, whether or not a trigger listens."""

Source = Literal["webhook", "poll", "reconcile", "manual"]

Different = Callable[[Event], Mapping[str, Any]]
"""Further columns of an event, its state at least: the same ones for each event."""


def take_in(ctx: Context, session: Session, connection: str, events: Iterable[Event], *, source: Source) -> set[str]:
    """Insert events that are not there yet; they wait for their decision. Gives the keys of the new ones.

    Events that nothing listens to are kept too (for ``simulate`` and ``explain``), but wait for nothing.
    """
    hears = listened(ctx, connection)
    waiting, done = {"state": "pending"}, {"state": "succeeded"}

    def about(event: Event) -> Mapping[str, Any]:
        return waiting if hears(event.kind) else done

    told = in_order(events)
    ids = store(ctx, session, connection, told, source=source, different=about)
    at_rest = [event for event in told if source == "manual" or not hears(event.kind)]
    note_named(session, connection, [(ids[event.key], event) for event in at_rest if event.key in ids])
    return set(ids)


def store(
    ctx: Context, session: Session, connection: str, events: Sequence[Event], *, source: Source, different: Different
) -> dict[str, int]:
    """Insert events, each told once, that are not there yet; gives the ids of the new ones by key."""
    now, lane = ctx.clock(), decide_lane(connection)
    rows = [
        {
            "lane": lane,
            "due_at": now,
            "connection": connection,
            "key": event.key,
            "kind": event.kind,
            "object_id": event.object_id,
            "occurred_at": event.occurred_at,
            "received_at": now,
            "source": source,
            "record": event,
            "attempts": 0,
            **different(event),
        }
        for event in events
    ]
    return dict(insert_many(session, EventRow, rows, clash=_known_already, returning=("key", "id")))


def in_order(events: Iterable[Event]) -> list[Event]:
    """The events in the order in which they happened, each fact once: as it was told first."""
    once: dict[str, Event] = {}
    for event in events:
        once.setdefault(event.key, event)
    return sorted(once.values(), key=lambda event: (event.occurred_at, event.key))


def listened(ctx: Context, connection: str) -> Callable[[str], bool]:
    """Tells of a kind of event whether anything listens to it, so that it has to be decided on."""
    if any(ctx.plugins.has(name, "nps_trigger_survey") for name in ctx.plugins.infos):
        return lambda _kind: True
    kinds = {trigger.on for trigger in ctx.settings.triggers if trigger.source == connection}
    return (kinds | HOUSEKEEPING | kinds_told(ctx.settings, connection)).__contains__


def _known_already(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    return statement.on_conflict_do_nothing(index_elements=["connection", "key"])
