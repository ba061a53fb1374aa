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
from nps_connect_hubspot.api import Api, Raw
from nps_connect_hubspot.cursors import Cursor, Stream, millis
from nps_connect_hubspot.kinds import about_contact, property_changed, stage_entered, ticket_stage_entered
from nps_connect_hubspot.people import properties_of
from nps_connect_hubspot.properties import read_moment
from nps_connect_hubspot.settings import HubSpotSettings

PAGE = 100
MODIFIED: Mapping[str, str] = {
    "deals": "hs_lastmodifieddate",
    "tickets": "hs_lastmodifieddate",
    "contacts": "lastmodifieddate",
}


@hookimpl
def nps_poll_events(connection: Connection, cursor: str | None) -> EventPage:
    """One page of one object type; the first call of all only remembers the present moment, by HubSpot's clock."""
    api = Api(connection, "poll_events")
    kinds = api.settings.listen_to
    place = Cursor.read(cursor, kinds, millis(connection.clock())) if cursor is not None else None
    if place is None:
        return EventPage(cursor=Cursor.starting(kinds, millis(api.vendor_time())).model_dump_json())
    kind = place.turn
    stream = place.streams[kind].begun()
    rows, after = _modified_since(api, kind, stream)
    events = tuple(_facts(api, kind, [str(raw["id"]) for raw in rows], stream.told_from)) if rows else ()
    moments = [_modified(raw, kind) for raw in rows]
    further = place.passed(kind, stream.passed(moments, full=len(rows) >= PAGE, after=after), kinds)
    return EventPage(events=events, cursor=further.model_dump_json(), more=further.unfinished(kinds))


def _modified_since(api: Api, kind: str, stream: Stream) -> tuple[list[Raw], str | None]:
    """A page of records and HubSpot's place of the next one."""
    name = MODIFIED[kind]
    told = api.search(
        kind,
        {
            "filterGroups": [
                {"filters": [{"propertyName": name, "operator": "GTE", "value": str(stream.since)}]},
            ],
            "sorts": [{"propertyName": name, "direction": "ASCENDING"}],
            "properties": [name],
            "limit": PAGE,
            "after": stream.after or "0",
        },
    )
    rows = [raw for raw in told.get("results") or () if isinstance(raw, dict) and raw.get("id")]
    paging = told.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    return rows, str(following["after"]) if isinstance(following, dict) and following.get("after") else None


def _modified(raw: Raw, kind: str) -> int:
    moment = read_moment(properties_of(raw).get(MODIFIED[kind])) or read_moment(raw.get("updatedAt"))
    return millis(moment) if moment else 0


def _facts(api: Api, kind: str, ids: Sequence[str], told_from: int) -> Iterator[Event]:
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
            created = read_moment(properties_of(raw).get("createdate") or raw.get("createdAt"))
            if created and millis(created) >= told_from:
                yield about_contact("contact.created", record_id, created)
        for name in watched:
            for value, at in _changes(raw, name):
                if millis(at) >= told_from:
                    yield from _change(settings, kind, record_id, name, value, at)


def _change(
    settings: HubSpotSettings, kind: str, record_id: str, name: str, value: str | None, at: datetime
) -> Iterator[Event]:
    if kind == "contacts":
        yield property_changed(record_id, name, value, at)
    elif value and kind == "deals":
        yield from stage_entered(settings, record_id, value, at)
    elif value:
        yield from ticket_stage_entered(settings, record_id, value, at)


def _changes(raw: Mapping[str, Any], name: str) -> Iterator[tuple[str | None, datetime]]:
    """A property's values with the moment of each, oldest first; setting the same value again is no change."""
    history = raw.get("propertiesWithHistory")
    versions = history.get(name) if isinstance(history, dict) else None
    told = []
    for version in versions or ():
        at = read_moment(version.get("timestamp")) if isinstance(version, dict) else None
        if at is not None:
            told.append((at, version.get("value") or None))
    previous: object = object()
    for at, value in sorted(told, key=lambda version: version[0]):
        if value != previous:
            yield value, at
        previous = value
