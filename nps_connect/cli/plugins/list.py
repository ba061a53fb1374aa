"""``nps-connect plugins list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_list

if TYPE_CHECKING:
    from nps_connect.plugins import Plugins

COLUMNS = {
    "name": "name",
    "title": "title",
    "version": "version",
    "state": "state",
    "hooks": lambda row: row["problem"] or ", ".join(row["hooks"]),
}


@command
def list_(_options: Options, as_json: bool) -> None:
    """List installed plugins with version and hooks, and why broken ones are disabled."""
    from nps_connect.plugins import Plugins

    plugins = Plugins.load()
    rows = [plugin_json(plugins, name) for name in (*plugins.infos, *plugins.broken)]
    print_list(rows, COLUMNS, empty="no plugins installed", as_json=as_json)


def plugin_json(plugins: Plugins, name: str) -> dict[str, Any]:
    """Return a plugin for ``--json``, loaded or broken."""
    if name in plugins.broken:
        problem = plugins.broken[name].problem
        return {"name": name, "title": None, "version": None, "state": "broken", "hooks": (), "problem": problem}
    return {
        "name": name,
        "title": plugins.infos[name].title,
        "version": plugins.versions[name],
        "state": "loaded",
        "hooks": plugins.hooks_of(name),
        "problem": None,
    }
