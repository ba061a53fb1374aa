"""Storing events: each fact once, by its key, in the order in which the facts happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from sqlmodel import Session

from nps_connect.ledger.tables import EventRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.events import CONTACT_EVENT_KINDS, Event
from nps_connect.services.cases.cases import ticket_event_kinds
from nps_connect.services.contacts.event_subjects import record_contact_keys
from nps_connect.services.context import Context, decide_queue

IntakeSource = Literal["webhook", "poll", "reconcile", "manual"]

ExtraColumns = Callable[[Event], Mapping[str, Any]]
"""Further columns of an event, its state at least: the same ones for each event."""


def store_events(
    ctx: Context, session: Session, connection: str, events: Iterable[Event], *, source: IntakeSource
) -> set[str]:
    """Insert events that are not there yet; they wait for their decision. Gives the keys of the new ones.

    Events that nothing listens to are kept too (for ``simulate`` and ``explain``), but wait for nothing.
    """
    hears = build_kind_filter(ctx, connection)
    waiting, done = {"state": "pending"}, {"state": "succeeded"}

    def about(event: Event) -> Mapping[str, Any]:
        return waiting if hears(event.kind) else done

    told = sort_events(events)
    ids = insert_events(ctx, session, connection, told, source=source, extra_columns=about)
    at_rest = [event for event in told if source == "manual" or not hears(event.kind)]
    record_contact_keys(session, connection, [(ids[event.key], event) for event in at_rest if event.key in ids])
    return set(ids)


def insert_events(
    ctx: Context,
    session: Session,
    connection: str,
    events: Sequence[Event],
    *,
    source: IntakeSource,
    extra_columns: ExtraColumns,
) -> dict[str, int]:
    """Insert events, each told once, that are not there yet; gives the ids of the new ones by key."""
    now, queue_name = ctx.clock(), decide_queue(connection)
    rows = [
        {
            "queue_name": queue_name,
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
            **extra_columns(event),
        }
        for event in events
    ]
    return dict(insert_many(session, EventRow, rows, on_conflict=_ignore_conflict, returning=("key", "id")))


def sort_events(events: Iterable[Event]) -> list[Event]:
    """The events in the order in which they happened, each fact once: as it was told first."""
    once: dict[str, Event] = {}
    for event in events:
        once.setdefault(event.key, event)
    return sorted(once.values(), key=lambda event: (event.occurred_at, event.key))


def build_kind_filter(ctx: Context, connection: str) -> Callable[[str], bool]:
    """Tells of a kind of event whether anything listens to it, so that it has to be decided on."""
    if any(ctx.plugins.has(name, "nps_trigger_survey") for name in ctx.plugins.infos):
        return lambda _kind: True
    kinds = {trigger.on for trigger in ctx.settings.triggers if trigger.source == connection}
    return (kinds | CONTACT_EVENT_KINDS | ticket_event_kinds(ctx.settings, connection)).__contains__


def _ignore_conflict(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    return statement.on_conflict_do_nothing(index_elements=["connection", "key"])
