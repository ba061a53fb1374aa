"""``nps-connect users add``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.names import NameChoice
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import format_time, print_json
from nps_connect.records.users import USER_ROLES

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from nps_connect.records.users import UserRole


@command
@click.argument("email", metavar="EMAIL")
@click.option("--name", required=True, help="As colleagues know the user.")
@click.option(
    "--role", type=NameChoice(USER_ROLES), default="admin", show_default=True, help="What the user may do; see below."
)
@click.option("--team", metavar="NAME", help="The team of a team_viewer.")
def add(options: Options, email: str, name: str, role: UserRole, team: str | None, as_json: bool) -> None:
    """Add a user of the console, and print a link by which they choose a password, once, within 24 hours.

    The first user switches the console on. Roles: team_viewer sees one team, viewer everything, case_worker also works
    on cases, admin also invites users and pauses mail. Needs the extra [console].

    Example: users add claire@example.com --name "Claire Dubois"
    """
    import secrets

    from nps_connect.connection import system_clock
    from nps_connect.services.users.one_time_links import LINK_LIFETIMES, create_link, link_address
    from nps_connect.services.users.passwords import require_console_extra
    from nps_connect.services.users.store import add_user, require_known_team

    require_console_extra()
    with options.open_ledger(writes=True) as (ledger, settings):
        now = system_clock()
        require_known_team(settings, team)
        with ledger.write() as session:
            user = add_user(
                session,
                public_id=secrets.token_hex(16),
                email=email,
                name=name,
                role=role,
                team=team,
                actor=current_actor(),
                now=now,
            )
            address = link_address(settings.core.url, create_link(session, user, "invitation", now))
            stored_email = user.email
    print_link(stored_email, address, now + LINK_LIFETIMES["invitation"], options.zone(settings), as_json=as_json)


def print_link(email: str, address: str, expires_at: datetime, zone: tzinfo, *, as_json: bool) -> None:
    """Print the link by which a user chooses a password."""
    if as_json:
        print_json({"email": email, "link": address, "expires_at": expires_at})
        return
    click.echo(address)
    click.echo(f"For {email}; works once, until {format_time(expires_at, zone)}. It is not shown again.", err=True)
