"""Snapshot of a portal: properties with their options, stages, property groups and scopes. It only reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nps_connect import AccountSnapshot, Connection, NotAllowed, VendorField, hookimpl
from nps_connect_hubspot.api import Api
from nps_connect_hubspot.settings import HubSpotSettings

OBJECTS = {"contact": "contacts", "deal": "deals", "ticket": "tickets"}
"""HubSpot's object type by the noun of event kinds."""

READ_SCOPES = {"contact": "crm.objects.contacts.read", "deal": "crm.objects.deals.read", "ticket": "tickets"}
SCHEMA_SCOPES = {"contact": "crm.schemas.contacts.read", "deal": "crm.schemas.deals.read", "ticket": "tickets"}
WRITE_SCOPE = "crm.objects.contacts.write"
PROBED_SCOPES = frozenset({*READ_SCOPES.values(), *SCHEMA_SCOPES.values(), WRITE_SCOPE})
"""Scopes whose presence the snapshot finds out. HubSpot lists no scopes of a service key, so each is tried."""


@hookimpl
def nps_snapshot(connection: Connection[HubSpotSettings]) -> AccountSnapshot:
    """Return properties, stages, property groups and the scopes that the plugin uses."""
    api = Api(connection, "snapshot")
    scopes: set[str] = set()
    fields: dict[str, dict[str, VendorField]] = {}
    for noun, kind in OBJECTS.items():
        if _is_allowed(api, "GET", api.paths.records(kind)):
            scopes.add(READ_SCOPES[noun])
        try:
            fields[noun] = _load_fields(api, kind)
            scopes.add(SCHEMA_SCOPES[noun])
        except NotAllowed:
            continue
    if _is_allowed(api, "POST", api.paths.batch("contacts", "update")):
        scopes.add(WRITE_SCOPE)
    groups = _rows(api, api.paths.groups("contacts")) if SCHEMA_SCOPES["contact"] in scopes else []
    return AccountSnapshot(
        fields=fields,
        scopes=tuple(sorted(scopes)),
        objects={"property_groups": tuple(sorted(str(row.get("name")) for row in groups))},
    )


def _is_allowed(api: Api, method: str, path: str) -> bool:
    """Return whether a call is permitted, in its smallest form: one record, or an empty batch, which changes nothing.

    An account without the kind of object counts as not permitted.
    """
    try:
        if method == "GET":
            return api.get(path, params={"limit": 1}, accept=(404,)).status != 404
        api.send(method, path, {"inputs": []}, idempotent=True, accept=(400,))
    except NotAllowed:
        return False
    return True


def _load_fields(api: Api, kind: str) -> dict[str, VendorField]:
    return {str(row.get("name")): _field(row) for row in _rows(api, api.paths.definitions(kind))}


def _rows(api: Api, path: str) -> list[dict[str, Any]]:
    body = api.get(path).json_or_none()
    rows = body.get("results") if isinstance(body, dict) else None
    return [row for row in rows or [] if isinstance(row, dict)]


def _field(row: Mapping[str, Any]) -> VendorField:
    options = row.get("options") or () if row.get("type") == "enumeration" else ()
    return VendorField(
        type=str(row.get("type")),
        options={str(option.get("value")): str(option.get("label")) for option in options if isinstance(option, dict)},
    )
