"""``nps-connect triggers release``."""

from __future__ import annotations

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.completion import complete_trigger
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.held_schedules import release_held_schedule
from nps_connect.cli._support.held_triggers import count_held_people
from nps_connect.cli._support.options import Options, command, confirm_options
from nps_connect.cli._support.output import pluralize, print_json


@command
@click.argument("name", shell_complete=complete_trigger)
@confirm_options
def release(options: Options, name: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Release everyone held by a trigger; all other rules are evaluated again for each person.

    The trigger of a recurring survey (schedule:NAME) holds its whole population until its first release, and when the
    population becomes empty or more than twice as large.
    """
    from nps_connect.connection import system_clock
    from nps_connect.services.decisions import held_triggers

    with options.open_ledger(writes=True) as (ledger, settings):
        if release_held_schedule(ledger, settings, name, dry_run=dry_run, yes=yes, as_json=as_json):
            return
        people = count_held_people(ledger, settings, name)
        customers = pluralize(people, "customer", "customers")
        if not as_json:
            click.echo(f"Trigger {name} holds {customers}.")
        released = 0
        if not dry_run:
            confirm(f"Release them? Mail can reach up to {customers}.", yes=yes)
            with ledger.write() as session:
                released = held_triggers.release_held(session, name, system_clock())
                audit_command(session, f"trigger:{name}")
    if as_json:
        print_json({"trigger": name, "held": people, "released": released})
    elif not dry_run:
        click.echo(f"Released {pluralize(released, 'decision', 'decisions')}; evaluating them again now.")
