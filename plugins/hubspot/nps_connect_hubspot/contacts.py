"""Contact look-up and event completion: fields and contacts of events, all in bulk."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect import Connection, ContactKey, ContactMatch, Event, hookimpl
from nps_connect_hubspot.api import Api
from nps_connect_hubspot.contact_lookup import OBJECTS, find_matches
from nps_connect_hubspot.contact_records import MERGED_ID_PROPERTIES, properties_of, records_by_id
from nps_connect_hubspot.event_kinds import EVENT_KINDS
from nps_connect_hubspot.settings import HubSpotSettings

FieldValue = str | int | float | bool | None
_EVENT_FIELDS = {"property", "value", "merged_ids"}


@hookimpl
def nps_find_contacts(connection: Connection[HubSpotSettings], keys: Sequence[ContactKey]) -> Sequence[ContactMatch]:
    """Look contacts up; by id and e-mail with batch reads, which have neither index lag nor search quota."""
    return find_matches(Api(connection, "find_contacts"), connection, keys, ())


@hookimpl
def nps_complete_events(
    connection: Connection[HubSpotSettings], events: Sequence[Event], fields: Sequence[str]
) -> Sequence[Event]:
    """Read the deals or tickets, their associations, and the contacts: three calls for the 100 deals of a webhook."""
    api = Api(connection, "complete_events")
    keys = list(dict.fromkeys(_contact_key(event) for event in events))
    names = [name for name in fields if "." not in name and name not in _EVENT_FIELDS]
    objects = {kind: _load_objects(api, kind, events, names) for kind in ("deal", "ticket")}
    contacts_by_key = {match.key: match.contacts for match in find_matches(api, connection, keys, names)}
    completed = []
    for event in events:
        key = _contact_key(event)
        contacts = contacts_by_key[key]
        if key.kind in objects and key.value not in objects[key.kind]:
            # The object cannot be read yet, or no longer: filters have nothing to decide on. Without contact and key
            # the event is completed again later.
            completed.append(event.model_copy(update={"contacts": (), "contact_key": None}))
            continue
        if _is_about_contact(event):
            contact_fields = contacts[0].fields if len(contacts) == 1 else {}
            loaded: dict[str, FieldValue] = {name: contact_fields[name] for name in names if name in contact_fields}
        else:
            loaded = dict(objects[_object_type(event)].get(event.object_id, {}))
        completed.append(event.model_copy(update={"contacts": contacts, "fields": {**loaded, **event.fields}}))
    return completed


def _load_objects(
    api: Api, kind: str, events: Sequence[Event], fields: Sequence[str]
) -> dict[str, dict[str, str | None]]:
    """Return the properties of the deals or tickets that the events are about, by id."""
    ids = [event.object_id for event in events if _object_type(event) == kind]
    if not ids:
        return {}
    declared = {name for info in EVENT_KINDS if info.name.startswith(kind) for name in info.fields}
    names = declared | set(fields)
    records = records_by_id(api.read(OBJECTS[kind], ids, names | set(MERGED_ID_PROPERTIES)))
    return {
        object_id: {name: value for name, value in properties_of(records[object_id]).items() if name in names}
        for object_id in dict.fromkeys(ids)
        if object_id in records
    }


def _contact_key(event: Event) -> ContactKey:
    if event.contact_key is not None:
        return event.contact_key
    kind = _object_type(event)
    return ContactKey(kind="deal" if kind == "deal" else "ticket" if kind == "ticket" else "id", value=event.object_id)


def _object_type(event: Event) -> str:
    return event.kind.partition(".")[0]


def _is_about_contact(event: Event) -> bool:
    return _object_type(event) == "contact"
