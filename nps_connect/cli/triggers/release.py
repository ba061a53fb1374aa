"""``nps-connect triggers release``."""

from __future__ import annotations

import click

from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.held_triggers import count_held
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import pluralize, print_json


@click.command(cls=Command)
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Say how many people it would reach, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_options
def release(options: Options, name: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Let a held trigger reach its people; every other rule is asked again for each of them."""
    from nps_connect.connection import system_clock
    from nps_connect.services.decisions import held_triggers

    with options.ledger() as (ledger, _):
        people = count_held(ledger, name)
        reach = pluralize(people, "customer", "customers")
        if not as_json:
            click.echo(f"Trigger {name} would reach {reach}.")
        released = 0
        if not dry_run:
            confirm(f"Let it survey up to {reach}?", yes=yes)
            with ledger.write() as session:
                released = held_triggers.release_held(session, name, system_clock())
    if as_json:
        print_json({"trigger": name, "held": people, "released": released})
    elif not dry_run:
        click.echo(f"Released: {pluralize(released, 'decision', 'decisions')}, decided again now.")
