"""``nps-connect users reset``."""

from __future__ import annotations

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.options import Options, command, yes_option
from nps_connect.cli.users.add import print_link


@command
@click.argument("email", metavar="EMAIL")
@yes_option
def reset(options: Options, email: str, yes: bool, as_json: bool) -> None:
    """Make the password of a user void, sign them out, and print a link to choose another one. Unlocks the user."""
    from nps_connect.connection import system_clock
    from nps_connect.services.users.changes import reset_user, unlock_user
    from nps_connect.services.users.one_time_links import LINK_LIFETIMES, create_link, link_address
    from nps_connect.services.users.passwords import require_console_extra
    from nps_connect.services.users.store import require_user

    require_console_extra()
    with options.open_ledger(writes=True) as (ledger, settings):
        with ledger.read() as session:
            name = require_user(session, email).name
        confirm(f"Make the password of {name} void?", yes=yes)
        now, actor = system_clock(), current_actor()
        with ledger.write() as session:
            user = require_user(session, email)
            unlock_user(session, user, actor=actor, now=now)
            reset_user(session, user, actor=actor, now=now)
            address = link_address(settings.core.url, create_link(session, user, "invitation", now))
            stored_email = user.email
    print_link(stored_email, address, now + LINK_LIFETIMES["invitation"], options.zone(settings), as_json=as_json)
