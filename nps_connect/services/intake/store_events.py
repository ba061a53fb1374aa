"""Store events: each fact once, by its key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Literal, NamedTuple

from sqlmodel import Session

from nps_connect.ledger.columns import decide_queue
from nps_connect.ledger.tables import EventRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.events import CONTACT_EVENT_KINDS, TICKET_EVENT_KINDS, Event
from nps_connect.services.contacts.event_subjects import record_event_keys
from nps_connect.services.context import Context
from nps_connect.services.decisions.claim_events import retry_values
from nps_connect.services.suppressions.erasure import find_erased, redact_event

IntakeSource = Literal["webhook", "poll", "reconcile", "manual", "api", "schedule"]


class StoredKeys(NamedTuple):
    """Keys of events.

    Attributes:
        new: those that were not stored before.
        erased: those that name an erased person, of which only ids are stored.
    """

    new: set[str]
    erased: set[str]


def store_events(
    ctx: Context,
    session: Session,
    connection: str,
    events: Iterable[Event],
    *,
    source: IntakeSource,
    error: Exception | None = None,
) -> StoredKeys:
    """Insert events that are not stored yet, to be decided later.

    Events without a matching trigger are stored too (for ``simulate`` and ``explain``), as `succeeded`: nothing is left
    to do. For these, and for events whose contact is not looked up yet, the key that names the contact is recorded, so
    that ``explain`` finds them.

    Args:
        ctx: the joined parts.
        session: the transaction.
        connection: of the events.
        events: in any order, with repetitions.
        source: how they came in.
        error: a first attempt to complete them (fields and contact, from the vendor) has failed with this error.
    """
    is_listened = build_kind_filter(ctx, connection)
    pending = {"state": "pending"} if error is None else retry_values(ctx, 0, error)
    unique_events = sort_events(events)
    erased = find_erased(ctx, session, connection, unique_events)
    if erased:
        unique_events = [redact_event(event) if event.key in erased else event for event in unique_events]
    columns = {event.key: pending if is_listened(event.kind) else {"state": "succeeded"} for event in unique_events}
    ids = insert_events(ctx, session, connection, unique_events, source=source, columns=columns)
    named = [
        (ids[event.key], event)
        for event in unique_events
        if event.key in ids and (source == "manual" or error is not None or not is_listened(event.kind))
    ]
    record_event_keys(session, connection, named)
    return StoredKeys(set(ids), erased)


def insert_events(
    ctx: Context,
    session: Session,
    connection: str,
    events: Sequence[Event],
    *,
    source: IntakeSource,
    columns: Mapping[str, Mapping[str, Any]],
) -> dict[str, int]:
    """Insert events with unique keys that are not stored yet; return the ids of the new ones by key.

    Args:
        ctx: the joined parts.
        session: the transaction.
        connection: of the events.
        events: in the order of insertion.
        source: how they came in.
        columns: further columns of each event by key, at least its state.
    """
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
            "contact_id": None,
            "attempts": 0,
            "last_error": None,
            "started_at": None,
            **columns[event.key],
        }
        for event in events
    ]
    return dict(insert_many(session, EventRow, rows, on_conflict=_ignore_conflict, returning=("key", "id")))


def sort_events(events: Iterable[Event]) -> list[Event]:
    """Return the events in the order in which they happened, each fact once."""
    event_by_key: dict[str, Event] = {}
    for event in events:
        event_by_key.setdefault(event.key, event)
    return sorted(event_by_key.values(), key=attrgetter("occurred_at", "key"))


def build_kind_filter(ctx: Context, connection: str) -> Callable[[str], bool]:
    """Return a predicate: whether events of a kind have to be decided."""
    if ctx.plugins.is_implemented("nps_trigger_survey"):
        return lambda _kind: True
    kinds = set(CONTACT_EVENT_KINDS)
    for trigger in ctx.settings.all_triggers:
        if trigger.source == connection:
            kinds.add(trigger.on)
    for route in ctx.settings.routes:
        if route.do == "open_ticket" and route.via == connection:
            kinds |= TICKET_EVENT_KINDS
    return kinds.__contains__


def _ignore_conflict(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    return statement.on_conflict_do_nothing(index_elements=["connection", "key"])
