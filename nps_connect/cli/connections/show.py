"""``nps-connect connections show``."""

from __future__ import annotations

import click

from nps_connect.cli._support.completion import complete_connection
from nps_connect.cli._support.names import require_connection
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_fields, print_json
from nps_connect.cli.connections.list import connections_json


@command
@click.argument("name", shell_complete=complete_connection)
def show(options: Options, name: str, as_json: bool) -> None:
    """Show one connection with its deliveries by state and its pauses. Calls no vendor."""
    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        require_connection(name, settings.connections)
        [details] = connections_json(session, settings, [name])
    if as_json:
        print_json(details)
        return
    deliveries, paused = details.pop("deliveries"), details.pop("paused")
    print_fields(details, options.zone(settings))
    print_fields({f"deliveries {state}": number for state, number in deliveries.items()})
    for scope, reason in paused.items():
        click.echo(f"paused: {scope} ({reason}); to resume: nps-connect resume {scope}")
