"""``nps-connect triggers refuse``."""

from __future__ import annotations

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.completion import complete_trigger
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.held_triggers import count_held_people
from nps_connect.cli._support.options import Options, command, confirm_options
from nps_connect.cli._support.output import pluralize, print_json


@command
@click.argument("name", shell_complete=complete_trigger)
@confirm_options
def refuse(options: Options, name: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Permanently reject everyone held by a trigger; later events are not affected."""
    from nps_connect.services.decisions import held_triggers

    with options.open_ledger(writes=True) as (ledger, settings):
        people = count_held_people(ledger, settings, name)
        customers = pluralize(people, "customer", "customers")
        if not as_json:
            click.echo(f"Trigger {name} holds {customers}.")
        refused = 0
        if not dry_run:
            confirm(f"Permanently reject {customers}?", yes=yes)
            with ledger.write() as session:
                refused = held_triggers.reject_held(session, name)
                audit_command(session, f"trigger:{name}")
    if as_json:
        print_json({"trigger": name, "held": people, "refused": refused})
    elif not dry_run:
        click.echo(f"Rejected {pluralize(refused, 'decision', 'decisions')}.")
