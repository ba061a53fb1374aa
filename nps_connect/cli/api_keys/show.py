"""``nps-connect api-keys show``."""

from __future__ import annotations

import click

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_fields, print_json
from nps_connect.cli.api_keys.list import key_json


@command
@click.argument("name", metavar="NAME")
def show(options: Options, name: str, as_json: bool) -> None:
    """Show one key, by its name or its prefix, without its secret."""
    from nps_connect.connection import system_clock
    from nps_connect.services.api_keys.keys import find_key

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        details = key_json(find_key(session, name), system_clock())
    if as_json:
        print_json(details)
    else:
        shown = {"scopes": ", ".join(details["scopes"]), "expires_at": details["expires_at"] or "never"}
        print_fields({**details, **shown}, options.zone(settings))
