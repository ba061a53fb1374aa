"""``nps-connect routes list``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.list_options import ListFilters, list_options
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_list

if TYPE_CHECKING:
    from nps_connect.settings.routes import Route

CONDITIONS = ("scores", "surveys", "touchpoints", "languages")


def _conditions(row: Mapping[str, Any]) -> str:
    return "; ".join(f"{key} {', '.join(map(str, row[key]))}" for key in CONDITIONS if row[key])


COLUMNS = {
    "id": "id",
    "on": lambda row: ", ".join(row["on"]),
    "do": "do",
    "via": "via",
    "delay": "delay",
    "only": _conditions,
}


@command
@list_options(contact=False, period=False, pages=False)
def list_(options: Options, filters: ListFilters, as_json: bool) -> None:
    """List the configured routes; the id of a route is its position in the file, from 1."""
    from nps_connect.cli._support.names import require_known

    settings = options.load_settings(needs_secrets=False)
    connection = require_known(filters.connection, settings.connections, "connection")
    rows = [
        route_json(number, route)
        for number, route in enumerate(settings.routes, start=1)
        if connection in (None, route.via)
    ]
    print_list(rows, COLUMNS, empty="no routes", as_json=as_json)


def route_json(number: int, route: Route) -> dict[str, Any]:
    """Return a route for ``--json``: the keys of its table after its position in the file."""
    return {"id": number, **route.model_dump(mode="json", by_alias=True)}
