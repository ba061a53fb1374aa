"""``nps-connect triggers release``."""

from __future__ import annotations

import click

from nps_connect.cli.guarding import Failure
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import counted, print_json


@click.command(cls=Command)
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Say how many people it would reach, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_options
def release(options: Options, name: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Let a held trigger reach its people; every other rule is asked again for each of them."""
    from nps_connect.connection import system_clock
    from nps_connect.flows import holding

    with options.ledger() as (ledger, _):
        with ledger.read() as session:
            people = holding.held_triggers(session).get(name, 0)
        if not people:
            raise Failure(f"nothing of trigger {name!r} is held; see: nps-connect status")
        reach = counted(people, "customer", "customers")
        if not as_json:
            click.echo(f"Trigger {name} would reach {reach}.")
        released = 0
        if not dry_run:
            if not yes:
                click.confirm(f"Let it survey up to {reach}?", abort=True, err=True)
            with ledger.write() as session:
                released = holding.release(session, name, system_clock())
    if as_json:
        print_json({"trigger": name, "held": people, "released": released})
    elif not dry_run:
        click.echo(f"Released: {counted(released, 'decision', 'decisions')}, decided again now.")
