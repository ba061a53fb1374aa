"""``nps-connect plugins show``."""

from __future__ import annotations

import os
from collections.abc import Mapping

import click

from nps_connect.cli._support.names import require_name
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_fields, print_json
from nps_connect.cli.plugins.list import plugin_json


@command
@click.argument("name")
def show(_options: Options, name: str, as_json: bool) -> None:
    """Show one plugin: version, hooks, events, actions and what it lacks; for a broken one the traceback."""
    from nps_connect.plugins import Plugins

    plugins = Plugins.load()
    require_name(name, [*plugins.infos, *plugins.broken], "plugin")
    details = plugin_json(plugins, name)
    if (info := plugins.infos.get(name)) is not None:
        details["api"] = info.api
        details["events"] = [kind.name for kind in info.events]
        details["actions"] = [declared.action for declared in info.actions]
        details["remarks"] = plugins.remarks.get(name, [])
    elif (cause := plugins.broken[name].__cause__) is not None:
        details["traceback"] = redacted_traceback(cause, os.environ)
    if as_json:
        print_json(details)
    else:
        print_fields(details)


def redacted_traceback(error: BaseException, environ: Mapping[str, str]) -> str:
    """Return a traceback without addresses, and without the values of variables that are named like secrets."""
    import re
    import traceback

    from nps_connect.redaction import Redactor

    pattern = re.compile("SECRET|TOKEN|KEY|PASSWORD|_URL$")
    secrets = [value for name, value in environ.items() if pattern.search(name.upper())]
    return Redactor(secrets)("".join(traceback.format_exception(error)))
