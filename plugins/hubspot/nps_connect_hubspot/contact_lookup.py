"""Who is meant: contacts by id, by e-mail, and by the deal or ticket that they are associated with. All in bulk."""

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

OBJECTS: Mapping[str, str] = {"deal": "deals", "ticket": "tickets", "order": "orders"}
"""HubSpot's object types by kind of `ContactKey`."""


def find_matches(
    api: Api, connection: Connection, keys: Sequence[ContactKey], further: Sequence[str]
) -> list[ContactMatch]:
    """One match per key, in order; `further` are contact properties to give as fields."""
    wanted = properties_to_read(api.settings, further)
    linked = _associated_contact_ids(api, keys)
    own_ids = [key.value for key in keys if key.kind == "id" and _is_id(key.value)]
    ids = [*own_ids, *chain.from_iterable(linked.values())]
    records = records_by_id(api.read("contacts", ids, wanted))
    if lost := [value for value in own_ids if value not in records]:
        records |= records_by_id(api.read("contacts", lost, wanted, archived=True))
    by_email = _load_by_email(api, [key.value for key in keys if key.kind == "email"], wanted)

    def people(key: ContactKey) -> tuple[Contact, ...]:
        found: Sequence[Mapping[str, Any]]
        if key.kind == "email":
            found = by_email.get(_normalize_email(key.value), [])
        else:
            ids = [key.value] if key.kind == "id" else linked.get((key.kind, key.value), [])
            found = [records[value] for value in ids if value in records]
        unique = {str(raw["id"]): raw for raw in found}
        return tuple(build_contact(connection, raw, further) for raw in unique.values())

    return [ContactMatch(key=key, contacts=people(key)) for key in keys]


def _associated_contact_ids(api: Api, keys: Sequence[ContactKey]) -> dict[tuple[str, str], list[str]]:
    """Contact ids by the deal, ticket or order that names them."""
    found: dict[tuple[str, str], list[str]] = {}
    for kind, objects in OBJECTS.items():
        ids = [key.value for key in keys if key.kind == kind and _is_id(key.value)]
        if ids:
            for object_id, links in api.associated(objects, "contacts", ids).items():
                found[kind, object_id] = _select_by_label(links, api.settings.contact_label)
    return found


def _select_by_label(links: Sequence[JsonObject], label: str | None) -> list[str]:
    """The associated contacts with the configured label; all of them if none has it or no label is configured."""
    ids = list(dict.fromkeys(str(link.get("toObjectId")) for link in links))
    labelled = [str(link.get("toObjectId")) for link in links if label and _has_label(link, label)]
    return list(dict.fromkeys(labelled)) or ids


def _has_label(link: JsonObject, label: str) -> bool:
    types = [kind for kind in link.get("associationTypes") or () if isinstance(kind, dict)]
    return any(isinstance(kind.get("label"), str) and kind["label"].casefold() == label.casefold() for kind in types)


def _load_by_email(api: Api, emails: Sequence[str], wanted: set[str]) -> dict[str, list[JsonObject]]:
    """Records by folded address, primary or secondary. The batch read knows primary ones; the rest is searched for."""
    asked = {_normalize_email(email): email.strip() for email in emails if "@" in email}
    if not asked:
        return {}
    records = api.read("contacts", list(asked.values()), wanted, id_property="email")
    found = _index_by_email(records, asked)
    for folded, email in asked.items():
        if folded not in found:
            found[folded] = _index_by_email(_search_secondary_email(api, email, wanted), asked).get(folded, [])
    return found


def _search_secondary_email(api: Api, email: str, wanted: set[str]) -> list[JsonObject]:
    query = {
        "filterGroups": [
            {"filters": [{"propertyName": "hs_additional_emails", "operator": "CONTAINS_TOKEN", "value": email}]}
        ],
        "properties": sorted(wanted),
        "sorts": [],
        "limit": 10,
        "after": "0",
    }
    return [raw for raw in api.search("contacts", query).get("results") or () if isinstance(raw, dict)]


def _index_by_email(records: Sequence[JsonObject], asked: Mapping[str, str]) -> dict[str, list[JsonObject]]:
    found: dict[str, list[JsonObject]] = {}
    for raw in records:
        told = properties_of(raw)
        for email in {
            _normalize_email(value)
            for value in (told.get("email") or "", *split_list(told.get("hs_additional_emails")))
        }:
            if email in asked:
                found.setdefault(email, []).append(raw)
    return found


def _normalize_email(email: str) -> str:
    return email.strip().casefold()


def _is_id(value: str) -> bool:
    return value.isascii() and value.isdigit()
