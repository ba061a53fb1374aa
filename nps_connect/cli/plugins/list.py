"""``nps-connect plugins list``."""

from __future__ import annotations

from typing import Any

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_list

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
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "title": info.title,
            "version": plugins.versions[name],
            "state": "loaded",
            "hooks": plugins.hooks_of(name),
            "problem": None,
        }
        for name, info in plugins.infos.items()
    ]
    rows += [
        {"name": name, "title": None, "version": None, "state": "broken", "hooks": (), "problem": error.problem}
        for name, error in plugins.broken.items()
    ]
    print_list(rows, COLUMNS, empty="no plugins installed", as_json=as_json)
