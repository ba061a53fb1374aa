"""Who is meant, and what is known: people are looked up, events get their fields and contacts, all in bulk."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect import Connection, ContactKey, ContactMatch, Event, hookimpl
from nps_connect_hubspot.api import Api
from nps_connect_hubspot.contact_lookup import OBJECTS, find_matches
from nps_connect_hubspot.contact_records import MERGED_ID_PROPERTIES, properties_of, records_by_id
from nps_connect_hubspot.event_kinds import EVENT_KINDS

FieldValue = str | int | float | bool | None
_EVENT_FIELDS = {"property", "value", "merged_ids"}


@hookimpl
def nps_find_contacts(connection: Connection, keys: Sequence[ContactKey]) -> Sequence[ContactMatch]:
    """Look people up; by id and e-mail with batch reads, which have no index lag and no search quota."""
    return find_matches(Api(connection, "find_contacts"), connection, keys, ())


@hookimpl
def nps_complete_events(connection: Connection, events: Sequence[Event], fields: Sequence[str]) -> Sequence[Event]:
    """Read the deals, what they are associated with, and the people: three calls for the 100 deals of a webhook."""
    api = Api(connection, "complete_events")
    keys = list(dict.fromkeys(_contact_key(event) for event in events))
    own = [name for name in fields if "." not in name and name not in _EVENT_FIELDS]
    objects = {kind: _load_objects(api, kind, events, own) for kind in ("deal", "ticket")}
    people = {match.key: match.contacts for match in find_matches(api, connection, keys, own)}
    completed = []
    for event in events:
        contacts = people[_contact_key(event)]
        if _is_about_contact(event):
            known = contacts[0].fields if len(contacts) == 1 else {}
            told: dict[str, FieldValue] = {name: known[name] for name in own if name in known}
        else:
            told = dict(objects[_object_type(event)].get(event.object_id, {}))
        completed.append(event.model_copy(update={"contacts": contacts, "fields": {**told, **event.fields}}))
    return completed


def _load_objects(
    api: Api, kind: str, events: Sequence[Event], fields: Sequence[str]
) -> dict[str, dict[str, str | None]]:
    """Properties of the deals or tickets that the events are about, by id."""
    ids = [event.object_id for event in events if _object_type(event) == kind]
    if not ids:
        return {}
    known = {name for info in EVENT_KINDS if info.name.startswith(kind) for name in info.fields}
    wanted = known | set(fields)
    records = records_by_id(api.read(OBJECTS[kind], ids, wanted | set(MERGED_ID_PROPERTIES)))
    return {
        object_id: {name: value for name, value in properties_of(records[object_id]).items() if name in wanted}
        for object_id in dict.fromkeys(ids)
        if object_id in records
    }


def _contact_key(event: Event) -> ContactKey:
    if event.contact_key is not None:
        return event.contact_key
    noun = _object_type(event)
    return ContactKey(kind="deal" if noun == "deal" else "ticket" if noun == "ticket" else "id", value=event.object_id)


def _object_type(event: Event) -> str:
    return event.kind.partition(".")[0]


def _is_about_contact(event: Event) -> bool:
    return _object_type(event) == "contact"
