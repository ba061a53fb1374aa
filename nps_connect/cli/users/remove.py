"""``nps-connect users remove``."""

from __future__ import annotations

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.options import Options, command, yes_option
from nps_connect.cli._support.output import print_json


@command
@click.argument("email", metavar="EMAIL")
@yes_option
def remove(options: Options, email: str, yes: bool, as_json: bool) -> None:
    """Remove a user, who is signed out at once. Without a user there is no console."""
    from nps_connect.connection import system_clock
    from nps_connect.services.users.changes import remove_user
    from nps_connect.services.users.store import require_user

    with options.open_ledger(writes=True) as (ledger, _):
        with ledger.read() as session:
            user = require_user(session, email)
        confirm(f"Remove {user.name} ({user.email}, {user.role})?", yes=yes)
        with ledger.write() as session:
            user = require_user(session, email)
            removed = user.email
            remove_user(session, user, actor=current_actor(), now=system_clock(), allow_last_admin=True)
    if as_json:
        print_json({"removed": removed})
    else:
        click.echo(f"Removed the user {removed}.")
