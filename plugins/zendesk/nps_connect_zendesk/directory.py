"""Names that admins see, to numbers that the API wants: groups, brands, ticket forms, ticket fields.

Looked up only when a setting gives a name; remembered per client for ten minutes.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Literal
from weakref import WeakKeyDictionary

from nps_connect import Connection, VendorClient
from nps_connect_zendesk.rows import rows
from nps_connect_zendesk.settings import NameOrId, numeric

Kind = Literal["groups", "brands", "ticket_forms", "ticket_fields"]
REMEMBERED = timedelta(minutes=10)
_NAME_IN = {"groups": "name", "brands": "name", "ticket_forms": "name", "ticket_fields": "title"}

_remembered: WeakKeyDictionary[VendorClient, dict[str, tuple[datetime, dict[str, int]]]] = WeakKeyDictionary()
_lock = threading.Lock()


def number_of(connection: Connection, kind: Kind, value: NameOrId, *, action: str) -> int | None:
    """The number of a thing given by number or name (upper and lower case alike); none if no such name exists.

    Raises:
        DeliveryError: any, when the names must be asked for.
    """
    number = numeric(value)
    if number is not None:
        return number
    return _names(connection, kind, action).get(str(value).strip().casefold())


def _names(connection: Connection, kind: Kind, action: str) -> dict[str, int]:
    now = connection.clock()
    with _lock:
        known = _remembered.setdefault(connection.http, {}).get(kind)
    if known is not None and now - known[0] < REMEMBERED:
        return known[1]
    name_in = _NAME_IN[kind]
    names = {
        str(row.get(name_in, "")).strip().casefold(): int(row["id"])
        for row in rows(connection, f"/{kind}", kind, action=action)
        if row.get("active", True)
    }
    with _lock:
        _remembered.setdefault(connection.http, {})[kind] = (now, names)
    return names
