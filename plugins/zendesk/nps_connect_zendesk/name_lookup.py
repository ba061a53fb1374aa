"""Ids by the names that admins see: groups, brands, ticket forms, ticket fields.

Looked up only if a setting holds a name; cached per client for ten minutes.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Literal
from weakref import WeakKeyDictionary

from nps_connect import Connection, VendorClient
from nps_connect_zendesk.api import load_rows
from nps_connect_zendesk.settings import NameOrId, ZendeskSettings, numeric

ResourceKind = Literal["groups", "brands", "ticket_forms", "ticket_fields"]
CACHE_TTL = timedelta(minutes=10)
_NAME_KEYS = {"groups": "name", "brands": "name", "ticket_forms": "name", "ticket_fields": "title"}

_cache: WeakKeyDictionary[VendorClient, dict[str, tuple[datetime, dict[str, int]]]] = WeakKeyDictionary()
_cache_lock = threading.Lock()


def lookup_id(
    connection: Connection[ZendeskSettings], kind: ResourceKind, value: NameOrId, *, action: str
) -> int | None:
    """Return the id of an object given by number or name (case-insensitive), or None for an unknown name.

    Raises:
        DeliveryError: any, if the names must be loaded.
    """
    number = numeric(value)
    if number is not None:
        return number
    return _load_ids_by_name(connection, kind, action).get(str(value).strip().casefold())


def _load_ids_by_name(connection: Connection[ZendeskSettings], kind: ResourceKind, action: str) -> dict[str, int]:
    now = connection.clock()
    with _cache_lock:
        cached = _cache.setdefault(connection.http, {}).get(kind)
    if cached is not None and now - cached[0] < CACHE_TTL:
        return cached[1]
    name_key = _NAME_KEYS[kind]
    id_by_name = {
        str(row.get(name_key, "")).strip().casefold(): int(row["id"])
        for row in load_rows(connection, f"/{kind}", kind, action=action)
        if row.get("active", True)
    }
    with _cache_lock:
        _cache.setdefault(connection.http, {})[kind] = (now, id_by_name)
    return id_by_name
