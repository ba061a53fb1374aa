"""Contact look-up by id, e-mail address, or associated deal, ticket or order. All in bulk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from nps_connect import Connection, Contact, ContactKey, ContactMatch
from nps_connect_hubspot.api import Api, JsonObject
from nps_connect_hubspot.contact_records import (
    build_contact,
    properties_of,
    properties_to_read,
    records_by_id,
    split_list,
)
from nps_connect_hubspot.settings import HubSpotSettings

OBJECTS: Mapping[str, str] = {"deal": "deals", "ticket": "tickets", "order": "orders"}
"""HubSpot's object type by kind of `ContactKey`."""


def find_matches(
    api: Api, connection: Connection[HubSpotSettings], keys: Sequence[ContactKey], extra_properties: Sequence[str]
) -> list[ContactMatch]:
    """Return one match per key, in order; these and `connection.contact_fields` become `Contact.fields`."""
    extra_properties = sorted({*extra_properties, *(use.field for use in connection.contact_fields)})
    properties = properties_to_read(api.settings, extra_properties)
    linked_ids = _associated_contact_ids(api, keys)
    contact_ids = [key.value for key in keys if key.kind == "id" and _is_id(key.value)]
    all_ids = [*contact_ids, *chain.from_iterable(linked_ids.values())]
    records = records_by_id(api.read("contacts", all_ids, properties))
    if missing := [value for value in contact_ids if value not in records]:
        records |= records_by_id(api.read("contacts", missing, properties, archived=True))
    by_email = _load_by_email(api, [key.value for key in keys if key.kind == "email"], properties)

    def contacts_for(key: ContactKey) -> tuple[Contact, ...]:
        matching: Sequence[Mapping[str, Any]]
        if key.kind == "email":
            matching = by_email.get(_normalize_email(key.value), [])
        else:
            ids = [key.value] if key.kind == "id" else linked_ids.get((key.kind, key.value), [])
            matching = [records[value] for value in ids if value in records]
        unique = {str(raw["id"]): raw for raw in matching}
        return tuple(build_contact(connection, raw, extra_properties) for raw in unique.values())

    return [ContactMatch(key=key, contacts=contacts_for(key)) for key in keys]


def _associated_contact_ids(api: Api, keys: Sequence[ContactKey]) -> dict[tuple[str, str], list[str]]:
    """Return contact ids by the deal, ticket or order that they are associated with."""
    contact_ids: dict[tuple[str, str], list[str]] = {}
    for kind, objects in OBJECTS.items():
        ids = [key.value for key in keys if key.kind == kind and _is_id(key.value)]
        if ids:
            for object_id, links in api.associated(objects, "contacts", ids).items():
                contact_ids[kind, object_id] = _select_by_label(links, api.settings.contact_label)
    return contact_ids


def _select_by_label(links: Sequence[JsonObject], label: str | None) -> list[str]:
    """Return the contacts with the configured label; all of them if none has it or no label is configured."""
    ids = list(dict.fromkeys(str(link.get("toObjectId")) for link in links))
    labelled = [str(link.get("toObjectId")) for link in links if label and _has_label(link, label)]
    return list(dict.fromkeys(labelled)) or ids


def _has_label(link: JsonObject, label: str) -> bool:
    types = [kind for kind in link.get("associationTypes") or () if isinstance(kind, dict)]
    return any(isinstance(kind.get("label"), str) and kind["label"].casefold() == label.casefold() for kind in types)


def _load_by_email(api: Api, emails: Sequence[str], properties: set[str]) -> dict[str, list[JsonObject]]:
    """Return records by normalised address. The batch read finds primary addresses; secondary ones need a search."""
    requested = {_normalize_email(email): email.strip() for email in emails if "@" in email}
    if not requested:
        return {}
    records = api.read("contacts", list(requested.values()), properties, id_property="email")
    by_email = _index_by_email(records, requested)
    for normalized, email in requested.items():
        if normalized not in by_email:
            secondary = _search_secondary_email(api, email, properties)
            by_email[normalized] = _index_by_email(secondary, requested).get(normalized, [])
    return by_email


def _search_secondary_email(api: Api, email: str, properties: set[str]) -> list[JsonObject]:
    query = {
        "filterGroups": [
            {"filters": [{"propertyName": "hs_additional_emails", "operator": "CONTAINS_TOKEN", "value": email}]}
        ],
        "properties": sorted(properties),
        "sorts": [],
        "limit": 10,
        "after": "0",
    }
    return [raw for raw in api.search("contacts", query).get("results") or () if isinstance(raw, dict)]


def _index_by_email(records: Sequence[JsonObject], requested: Mapping[str, str]) -> dict[str, list[JsonObject]]:
    by_email: dict[str, list[JsonObject]] = {}
    for raw in records:
        properties = properties_of(raw)
        addresses = (properties.get("email") or "", *split_list(properties.get("hs_additional_emails")))
        for email in {_normalize_email(address) for address in addresses}:
            if email in requested:
                by_email.setdefault(email, []).append(raw)
    return by_email


def _normalize_email(email: str) -> str:
    return email.strip().casefold()


def _is_id(value: str) -> bool:
    return value.isascii() and value.isdigit()
