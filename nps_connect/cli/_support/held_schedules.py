"""Release of a recurring survey that is held: its first run, or an empty or unusually large population."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.output import pluralize, print_json

if TYPE_CHECKING:
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.services.intake.schedule_state import ScheduleStatus
    from nps_connect.settings.model import Settings


def release_held_schedule(
    ledger: Ledger, settings: Settings, name: str, *, dry_run: bool, yes: bool, as_json: bool
) -> bool:
    """Release the schedule whose trigger has this name; return False if there is none, or if it is not held.

    Raises:
        CommandError: its population has not been counted yet, or has nobody: people who come later would be asked
            although no operator has seen their number.
    """
    from nps_connect.connection import system_clock
    from nps_connect.services.intake.schedule_state import release_schedule

    status = _find_held(ledger, settings, name)
    if status is None:
        return False
    if status.people is None:
        raise CommandError(
            f"the population of {name!r} has not been counted yet; a running worker does it: nps-connect run, "
            f"then see: nps-connect surveys upcoming {status.trigger.survey}"
        )
    if status.people == 0:
        raise CommandError(
            f"the population of {name!r} has nobody, so there is nothing to release; see population.from and "
            f"population.where of the survey, then: nps-connect surveys upcoming {status.trigger.survey}"
        )
    days = list(status.days_from(system_clock().date()).values())
    people, per_day = pluralize(status.people, "customer", "customers"), sum(days) / max(1, len(days))
    if not as_json:
        click.echo(f"Recurring survey {status.trigger.survey} has {people}, about {per_day:.1f} a day.")
    if not dry_run:
        confirm(f"Release it? Mail will reach up to {people}, again and again.", yes=yes)
        with ledger.write() as session:
            release_schedule(session, status, system_clock())
            audit_command(session, f"trigger:{name}")
    if as_json:
        print_json({"trigger": name, "held": status.people, "released": 0 if dry_run else status.people})
    elif not dry_run:
        click.echo(f"Released; see: nps-connect surveys upcoming {status.trigger.survey}")
    return True


def _find_held(ledger: Ledger, settings: Settings, name: str) -> ScheduleStatus | None:
    from nps_connect.services.intake.schedule_state import load_schedules

    with ledger.read() as session:
        for status in load_schedules(session, settings):
            if status.trigger.label == name and (status.state is None or status.state.held is not None):
                return status
    return None
