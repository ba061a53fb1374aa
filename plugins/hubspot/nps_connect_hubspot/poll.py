"""Polling: search for modified records, read the history of the watched properties, build events from the changes.

A page asks for everything modified since a moment, oldest first, and the next page starts at the last record of this
one: a record that is modified meanwhile moves to the end and is read again, none is skipped, and a long list never
reaches the search limit of 10,000. Records of one moment that fill a page are read in the order of their ids. Each
round starts a little before the end of the previous one, because HubSpot's search index lags. Facts come from the
history of the properties and not from the time of modification: an edit of another property has no event, and the key
of a fact is the same as by webhook.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from nps_connect import Connection, Event, EventPage, hookimpl
from nps_connect_hubspot.api import Api, JsonObject
from nps_connect_hubspot.contact_records import properties_of
from nps_connect_hubspot.event_kinds import (
    contact_event,
    deal_stage_events,
    property_changed_event,
    ticket_stage_events,
)
from nps_connect_hubspot.poll_cursor import PollCursor, StreamPosition, to_millis
from nps_connect_hubspot.score_properties import parse_moment
from nps_connect_hubspot.settings import HubSpotSettings

PAGE_SIZE = 100
RECORD_ID = "hs_object_id"
"""Property with a record's id."""

MODIFIED_PROPERTIES: Mapping[str, str] = {
    "deals": "hs_lastmodifieddate",
    "tickets": "hs_lastmodifieddate",
    "contacts": "lastmodifieddate",
}


@hookimpl
def nps_poll_events(connection: Connection[HubSpotSettings], cursor: str | None) -> EventPage:
    """Return one page of one object type; the first call only stores the current time, by HubSpot's clock."""
    api = Api(connection, "poll_events")
    kinds = api.settings.listen_to
    stored = PollCursor.parse(cursor, kinds, to_millis(connection.clock())) if cursor is not None else None
    if stored is None:
        return EventPage(cursor=PollCursor.initial(kinds, to_millis(api.vendor_time())).model_dump_json())
    kind = stored.current_kind
    stream = stored.streams[kind].started()
    rows = _modified_since(api, kind, stream)
    events = tuple(_load_events(api, kind, [str(raw["id"]) for raw in rows], stream.emit_since)) if rows else ()
    moments = [_modified_millis(raw, kind) for raw in rows]
    ids = [int(raw["id"]) for raw in rows]
    next_stream = stream.advanced(moments, ids, full=len(rows) >= PAGE_SIZE)
    next_cursor = stored.advanced(kind, next_stream, kinds)
    return EventPage(events=events, cursor=next_cursor.model_dump_json(), more=next_cursor.has_more(kinds))


def _modified_since(api: Api, kind: str, stream: StreamPosition) -> list[JsonObject]:
    """Return a page of modified records, in the order of their times, or of their ids if they have one time."""
    name = MODIFIED_PROPERTIES[kind]
    filters = [{"propertyName": name, "operator": "GTE", "value": str(stream.since)}]
    if stream.last_id is not None:
        filters += [
            {"propertyName": name, "operator": "LTE", "value": str(stream.since)},
            {"propertyName": RECORD_ID, "operator": "GT", "value": str(stream.last_id)},
        ]
    body = {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": name if stream.last_id is None else RECORD_ID, "direction": "ASCENDING"}],
        "properties": [name],
        "limit": PAGE_SIZE,
        "after": "0",
    }
    results = api.search(kind, body).get("results") or ()
    return [raw for raw in results if isinstance(raw, dict) and str(raw.get("id")).isdigit()]


def _modified_millis(raw: JsonObject, kind: str) -> int:
    moment = parse_moment(properties_of(raw).get(MODIFIED_PROPERTIES[kind])) or parse_moment(raw.get("updatedAt"))
    return to_millis(moment) if moment else 0


def _load_events(api: Api, kind: str, ids: Sequence[str], since: int) -> Iterator[Event]:
    """Yield the facts of these records since a moment (milliseconds)."""
    settings = api.settings
    watched = {
        "deals": ("dealstage",),
        "tickets": ("hs_pipeline_stage",),
        "contacts": settings.contact_properties,
    }[kind]
    for raw in api.read(kind, ids, {"createdate"}, history=watched):
        record_id = str(raw.get("id"))
        if kind == "contacts":
            created = parse_moment(properties_of(raw).get("createdate") or raw.get("createdAt"))
            if created and to_millis(created) >= since:
                yield contact_event("contact.created", record_id, created)
        for name in watched:
            for value, at in _property_changes(raw, name):
                if to_millis(at) >= since:
                    yield from _change_events(settings, kind, record_id, name, value, at)


def _change_events(
    settings: HubSpotSettings, kind: str, record_id: str, name: str, value: str | None, at: datetime
) -> Iterator[Event]:
    if kind == "contacts":
        yield property_changed_event(record_id, name, value, at)
    elif value and kind == "deals":
        yield from deal_stage_events(settings, record_id, value, at)
    elif value:
        yield from ticket_stage_events(settings, record_id, value, at)


def _property_changes(raw: Mapping[str, Any], name: str) -> Iterator[tuple[str | None, datetime]]:
    """Yield a property's values with their times, oldest first; setting the same value again is no change."""
    history = raw.get("propertiesWithHistory")
    versions = history.get(name) if isinstance(history, dict) else None
    values = []
    for version in versions or ():
        at = parse_moment(version.get("timestamp")) if isinstance(version, dict) else None
        if at is not None:
            values.append((at, version.get("value") or None))
    previous: object = object()
    for at, value in sorted(values, key=lambda version: version[0]):
        if value != previous:
            yield value, at
        previous = value
