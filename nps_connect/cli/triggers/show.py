"""``nps-connect triggers show``."""

from __future__ import annotations

import click

from nps_connect.cli._support.completion import complete_trigger
from nps_connect.cli._support.names import require_name
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_configured, print_json
from nps_connect.cli.triggers.list import trigger_json


@command
@click.argument("name", shell_complete=complete_trigger)
def show(options: Options, name: str, as_json: bool) -> None:
    """Show one trigger as it is in force."""
    from nps_connect.ledger.current_counts import count_held

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        require_name(name, settings.trigger_by_label, "trigger")
        details = trigger_json(settings.trigger_by_label[name], count_held(session))
    if as_json:
        print_json(details)
    else:
        print_configured(details)
