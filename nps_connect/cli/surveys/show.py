"""``nps-connect surveys show``."""

from __future__ import annotations

import click

from nps_connect.cli._support.completion import complete_survey
from nps_connect.cli._support.names import require_name
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_configured, print_json
from nps_connect.cli.surveys.list import survey_json


@command
@click.argument("name", shell_complete=complete_survey)
def show(options: Options, name: str, as_json: bool) -> None:
    """Show one survey as it is in force, with its triggers."""
    from nps_connect.ledger import pauses

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        require_name(name, settings.surveys, "survey")
        details = survey_json(settings, name, pauses.load_pauses(session))
    if as_json:
        print_json(details)
    else:
        print_configured(details)
