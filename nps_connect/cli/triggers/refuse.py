"""``nps-connect triggers refuse``."""

from __future__ import annotations

import click

from nps_connect.cli.guarding import Failure
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import counted, print_json


@click.command(cls=Command)
@click.argument("name")
@json_option
@pass_options
def refuse(options: Options, name: str, as_json: bool) -> None:
    """Say no to the people of a held trigger: nobody of them is asked."""
    from nps_connect.flows import holding

    with options.ledger() as (ledger, _), ledger.write() as session:
        refused = holding.refuse(session, name)
    if not refused:
        raise Failure(f"nothing of trigger {name!r} is held; see: nps-connect status")
    if as_json:
        print_json({"trigger": name, "refused": refused})
    else:
        click.echo(f"Refused: {counted(refused, 'decision', 'decisions')}; nobody of them is asked.")
