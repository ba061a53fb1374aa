"""``nps-connect triggers refuse``."""

from __future__ import annotations

import click

from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.held_triggers import count_held
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import pluralize, print_json


@click.command(cls=Command)
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Say how many people it is about, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_options
def refuse(options: Options, name: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Say no to the people of a held trigger, for good: nobody of them is asked about what happened until now."""
    from nps_connect.services.decisions import held_triggers

    with options.ledger() as (ledger, _):
        people = count_held(ledger, name)
        told = pluralize(people, "customer", "customers")
        if not as_json:
            click.echo(f"Trigger {name} holds {told} back.")
        refused = 0
        if not dry_run:
            confirm(f"Refuse to survey {told}, for good?", yes=yes)
            with ledger.write() as session:
                refused = held_triggers.reject_held(session, name)
    if as_json:
        print_json({"trigger": name, "held": people, "refused": refused})
    elif not dry_run:
        click.echo(f"Refused: {pluralize(refused, 'decision', 'decisions')}; nobody of them is asked.")
