"""``nps-connect suppressions show``."""

from __future__ import annotations

import click

from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_fields, print_json
from nps_connect.cli.suppressions.list import suppression_json


@command
@click.argument("suppression_id", metavar="ID", type=int, shell_complete=complete_id("suppressions.SuppressionRow"))
def show(options: Options, suppression_id: int, as_json: bool) -> None:
    """Show one suppression: of whom, since when, and why."""
    from sqlmodel import col

    from nps_connect.ledger.suppressions import SuppressionRow
    from nps_connect.services.suppressions.operator_suppressions import list_suppressions

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        listed, _ = list_suppressions(session, col(SuppressionRow.id) == suppression_id, limit=1)
        if not listed:
            raise CommandError(f"there is no suppression {suppression_id}; see: nps-connect suppressions list")
        details = suppression_json(listed[0])
    if as_json:
        print_json(details)
    else:
        print_fields(details, options.zone(settings))
