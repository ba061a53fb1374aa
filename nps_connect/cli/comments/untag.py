"""``nps-connect comments untag``."""

from __future__ import annotations

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json


@command
@click.argument("response_id", metavar="ID", shell_complete=complete_id("tables.ResponseRow", "public_id"))
@click.argument("label", metavar="TAG")
def untag(options: Options, response_id: str, label: str, as_json: bool) -> None:
    """Remove a tag from a response. ID may be the beginning of an id."""
    from nps_connect.cli.responses.show import find_response
    from nps_connect.connection import system_clock
    from nps_connect.services.comments.tags import remove_tag

    with options.open_ledger(writes=True) as (ledger, _), ledger.write() as session:
        response = find_response(session, response_id)
        changed = remove_tag(session, response, label, actor=current_actor(), now=system_clock())
        tags = list(response.tags or [])
    if as_json:
        print_json({"id": response.public_id, "tags": tags, "changed": changed})
    else:
        click.echo(f"Tags: {', '.join(tags) or 'none'}.")
