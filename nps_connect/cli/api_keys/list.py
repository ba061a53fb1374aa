"""``nps-connect api-keys list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, print_list

if TYPE_CHECKING:
    from datetime import datetime

    from nps_connect.ledger.api_keys import ApiKeyRow

COLUMNS = {
    "name": "name",
    "prefix": "prefix",
    "scopes": lambda row: ", ".join(row["scopes"]),
    "expires": lambda row: row["expires_at"] or "never",
    "last used": "last_used_at",
}


@command
def list_(options: Options, as_json: bool) -> None:
    """List the keys of the HTTP API by name, without their secrets. The last use is exact to the minute."""
    from nps_connect.connection import system_clock
    from nps_connect.services.api_keys.keys import list_keys

    now = system_clock()
    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        rows = [key_json(row, now) for row in list_keys(session)]
    print_list(rows, COLUMNS, empty="no keys: there is no API", as_json=as_json, zone=options.zone(settings))


def key_json(row: ApiKeyRow, now: datetime) -> dict[str, Any]:
    """Return a key for ``--json``."""
    names = ("name", "prefix", "scopes", "created_by", "created_at", "expires_at", "last_used_at")
    return attributes(row, *names) | {"expired": row.expires_at is not None and row.expires_at <= now}
