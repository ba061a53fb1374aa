"""``nps-connect users show``."""

from __future__ import annotations

import click

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_fields, print_json
from nps_connect.cli.users.list import user_json


@command
@click.argument("email", metavar="EMAIL")
def show(options: Options, email: str, as_json: bool) -> None:
    """Show one user of the console."""
    from nps_connect.services.users.store import require_user

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        details = user_json(require_user(session, email))
    if as_json:
        print_json(details)
    else:
        print_fields(details, options.zone(settings))
