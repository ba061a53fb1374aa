"""``nps-connect bounces show``."""

from __future__ import annotations

import click

from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_fields, print_json
from nps_connect.cli._support.people import load_people_names
from nps_connect.cli.bounces.list import bounce_json


@command
@click.argument("bounce_id", metavar="ID", type=int, shell_complete=complete_id("suppressions.BounceRow"))
def show(options: Options, bounce_id: int, as_json: bool) -> None:
    """Show one bounce or complaint with the whole text of the mail server."""
    from nps_connect.ledger.suppressions import BounceRow

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        row = session.get(BounceRow, bounce_id)
        if row is None:
            raise CommandError(f"there is no bounce {bounce_id}; see: nps-connect bounces list")
        details = bounce_json(row, load_people_names(session, [row.contact_id]))
    if as_json:
        print_json(details)
    else:
        print_fields(details, options.zone(settings))
