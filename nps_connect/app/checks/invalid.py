"""Check what is certain of a configuration whose tables have mistakes, so that one pass reports as many as possible.

Only what a mistake elsewhere cannot cause is checked: tables of connections, and names of connections, events and
surveys. Whether routes are reachable or reviews are gated can be said only of tables that are valid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from nps_connect.app.checks.connections import check_connections
from nps_connect.app.checks.context import CheckContext
from nps_connect.app.checks.routes import check_route_names
from nps_connect.app.checks.triggers import check_trigger_names
from nps_connect.errors import ConfigError
from nps_connect.plugins import Plugins
from nps_connect.settings.coercion import coerce
from nps_connect.settings.load_settings import InvalidConfiguration
from nps_connect.settings.model import Route, Settings, SettingsTable, Trigger

Table = TypeVar("Table", bound=SettingsTable)


def find_further_mistakes(configuration: InvalidConfiguration, plugins: Plugins) -> list[ConfigError]:
    """Return the mistakes that follow from none of those that are known already.

    Args:
        configuration: what was loaded.
        plugins: the installed plugins.
    """
    table = configuration.table
    if not all(isinstance(table.get(name, {}), Mapping) for name in ("connections", "surveys")):
        return []
    tables: dict[str, Any] = {
        "connections": {name: each for name, each in table.get("connections", {}).items() if isinstance(each, dict)},
        "surveys": dict.fromkeys(table.get("surveys", {})),  # only the names are read
    }
    settings = Settings.model_construct(**tables).with_origins(configuration.origins)
    context = CheckContext(settings, plugins)
    check_connections(context, skip={str(path[1]) for path in configuration.unresolved if path[0] == "connections"})
    if table.keys() <= Settings.model_fields.keys():  # a misspelt section would make every name in it unknown
        for index, trigger in _valid_tables(table, "triggers", Trigger):
            check_trigger_names(context, index, trigger)
        for index, route in _valid_tables(table, "routes", Route):
            check_route_names(context, index, route)
    return context.mistakes


def _valid_tables(table: Mapping[str, Any], name: str, model: type[Table]) -> Iterator[tuple[int, Table]]:
    """Yield the valid tables of a list with their positions; what is wrong with the others is reported already."""
    rows = table.get(name, [])
    for index, row in enumerate(rows if isinstance(rows, list) else []):
        try:
            yield index, model.model_validate(coerce(row, [model], (name, index), lambda _path: None))
        except ValidationError:
            continue
