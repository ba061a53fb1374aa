"""Events without webhooks: search for what was modified, read the history of the watched properties, tell the facts.

A page asks for everything modified since a moment, oldest first, and the next page starts at the last record seen: a
record modified meanwhile moves to the end and is met again, none is skipped, and a long list never meets the search
limit of 10,000. Each round starts a little before the end of the previous one, for HubSpot's search index lags behind.
Facts come from the history of the properties, never from the moment of modification: an edit of something else gives no
event, and the key of a fact is the one that a webhook would give.
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
MODIFIED_PROPERTIES: Mapping[str, str] = {
    "deals": "hs_lastmodifieddate",
    "tickets": "hs_lastmodifieddate",
    "contacts": "lastmodifieddate",
}


@hookimpl
def nps_poll_events(connection: Connection, cursor: str | None) -> EventPage:
    """One page of one object type; the first call of all only remembers the present moment, by HubSpot's clock."""
    api = Api(connection, "poll_events")
    kinds = api.settings.listen_to
    place = PollCursor.read(cursor, kinds, to_millis(connection.clock())) if cursor is not None else None
    if place is None:
        return EventPage(cursor=PollCursor.initial(kinds, to_millis(api.vendor_time())).model_dump_json())
    kind = place.turn
    stream = place.streams[kind].begun()
    rows, after = _modified_since(api, kind, stream)
    events = tuple(_load_events(api, kind, [str(raw["id"]) for raw in rows], stream.emit_since)) if rows else ()
    moments = [_modified_millis(raw, kind) for raw in rows]
    further = place.advanced(kind, stream.advanced(moments, full=len(rows) >= PAGE_SIZE, after=after), kinds)
    return EventPage(events=events, cursor=further.model_dump_json(), more=further.unfinished(kinds))


def _modified_since(api: Api, kind: str, stream: StreamPosition) -> tuple[list[JsonObject], str | None]:
    """A page of records and HubSpot's place of the next one."""
    name = MODIFIED_PROPERTIES[kind]
    told = api.search(
        kind,
        {
            "filterGroups": [
                {"filters": [{"propertyName": name, "operator": "GTE", "value": str(stream.since)}]},
            ],
            "sorts": [{"propertyName": name, "direction": "ASCENDING"}],
            "properties": [name],
            "limit": PAGE_SIZE,
            "after": stream.after or "0",
        },
    )
    rows = [raw for raw in told.get("results") or () if isinstance(raw, dict) and raw.get("id")]
    paging = told.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    return rows, str(following["after"]) if isinstance(following, dict) and following.get("after") else None


def _modified_millis(raw: JsonObject, kind: str) -> int:
    moment = parse_moment(properties_of(raw).get(MODIFIED_PROPERTIES[kind])) or parse_moment(raw.get("updatedAt"))
    return to_millis(moment) if moment else 0


def _load_events(api: Api, kind: str, ids: Sequence[str], told_from: int) -> Iterator[Event]:
    """The facts of these records that became true since a moment."""
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
            if created and to_millis(created) >= told_from:
                yield contact_event("contact.created", record_id, created)
        for name in watched:
            for value, at in _property_changes(raw, name):
                if to_millis(at) >= told_from:
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
    """A property's values with the moment of each, oldest first; setting the same value again is no change."""
    history = raw.get("propertiesWithHistory")
    versions = history.get(name) if isinstance(history, dict) else None
    told = []
    for version in versions or ():
        at = parse_moment(version.get("timestamp")) if isinstance(version, dict) else None
        if at is not None:
            told.append((at, version.get("value") or None))
    previous: object = object()
    for at, value in sorted(told, key=lambda version: version[0]):
        if value != previous:
            yield value, at
        previous = value
