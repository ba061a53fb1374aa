"""Names that admins see, to numbers that the API wants: groups, brands, ticket forms, ticket fields.

Looked up only when a setting gives a name; remembered per client for ten minutes.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Literal
from weakref import WeakKeyDictionary

from nps_connect import Connection, VendorClient
from nps_connect_zendesk.api import load_rows
from nps_connect_zendesk.settings import NameOrId, numeric

ResourceKind = Literal["groups", "brands", "ticket_forms", "ticket_fields"]
CACHE_TTL = timedelta(minutes=10)
_NAME_KEYS = {"groups": "name", "brands": "name", "ticket_forms": "name", "ticket_fields": "title"}

_cache: WeakKeyDictionary[VendorClient, dict[str, tuple[datetime, dict[str, int]]]] = WeakKeyDictionary()
_cache_lock = threading.Lock()


def lookup_id(connection: Connection, kind: ResourceKind, value: NameOrId, *, action: str) -> int | None:
    """The number of a thing given by number or name (upper and lower case alike); none if no such name exists.

    Raises:
        DeliveryError: any, when the names must be asked for.
    """
    number = numeric(value)
    if number is not None:
        return number
    return _load_ids_by_name(connection, kind, action).get(str(value).strip().casefold())


def _load_ids_by_name(connection: Connection, kind: ResourceKind, action: str) -> dict[str, int]:
    now = connection.clock()
    with _cache_lock:
        known = _cache.setdefault(connection.http, {}).get(kind)
    if known is not None and now - known[0] < CACHE_TTL:
        return known[1]
    name_in = _NAME_KEYS[kind]
    names = {
        str(row.get(name_in, "")).strip().casefold(): int(row["id"])
        for row in load_rows(connection, f"/{kind}", kind, action=action)
        if row.get("active", True)
    }
    with _cache_lock:
        _cache.setdefault(connection.http, {})[kind] = (now, names)
    return names
