"""``nps-connect routes show``."""

from __future__ import annotations

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_configured, print_json
from nps_connect.cli.routes.list import route_json


@command
@click.argument("number", metavar="ID", type=int)
def show(options: Options, number: int, as_json: bool) -> None:
    """Show one route as it is in force."""
    routes = options.load_settings(needs_secrets=False).routes
    if not 1 <= number <= len(routes):
        raise CommandError(f"there is no route {number}; see: nps-connect routes list")
    details = route_json(number, routes[number - 1])
    if as_json:
        print_json(details)
    else:
        print_configured(details)
