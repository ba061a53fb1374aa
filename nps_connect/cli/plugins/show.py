"""``nps-connect plugins show``."""

from __future__ import annotations

import click

from nps_connect.cli._support.names import require_name
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_fields, print_json
from nps_connect.cli.plugins.list import plugin_json


@command
@click.argument("name")
def show(_options: Options, name: str, as_json: bool) -> None:
    """Show one plugin: version, hooks, the events that it sends and the actions that it carries out."""
    from nps_connect.plugins import Plugins

    plugins = Plugins.load()
    require_name(name, [*plugins.infos, *plugins.broken], "plugin")
    details = plugin_json(plugins, name)
    if (info := plugins.infos.get(name)) is not None:
        details["events"] = [kind.name for kind in info.events]
        details["actions"] = [declared.action for declared in info.actions]
    if as_json:
        print_json(details)
    else:
        print_fields(details)
