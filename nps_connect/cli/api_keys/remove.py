"""``nps-connect api-keys remove``."""

from __future__ import annotations

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.options import Options, command, yes_option
from nps_connect.cli._support.output import print_json


@command
@click.argument("name", metavar="NAME")
@yes_option
def remove(options: Options, name: str, yes: bool, as_json: bool) -> None:
    """Remove a key, by its name or its prefix. Running processes refuse it within ten seconds."""
    from nps_connect.connection import system_clock
    from nps_connect.services.api_keys.keys import find_key, remove_key

    with options.open_ledger(writes=True) as (ledger, _):
        with ledger.read() as session:
            row = find_key(session, name)
        confirm(f"Remove the API key {row.name!r} ({', '.join(row.scopes)})?", yes=yes)
        with ledger.write() as session:
            remove_key(session, name, actor=current_actor(), now=system_clock())
    if as_json:
        print_json({"removed": row.name})
    else:
        click.echo(f"Removed the API key {row.name!r}.")
