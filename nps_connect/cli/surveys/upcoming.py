"""``nps-connect surveys upcoming``."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.completion import complete_survey
from nps_connect.cli._support.names import require_name
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import format_time, pluralize, print_json, print_table

if TYPE_CHECKING:
    from nps_connect.services.intake.schedule_state import ScheduleStatus

HELD_TEXTS = {
    "first_run": "waits for its first release; nobody is asked",
    "empty": "is held, because its population became empty",
    "unusual": "is held, because its population grew to more than twice as many people",
}


@command
@click.argument("name", required=False, shell_complete=complete_survey)
def upcoming(options: Options, name: str | None, as_json: bool) -> None:
    """Show how many people recurring surveys reach on each of the next 30 days. Reads the database only.

    The numbers are those of the last look at each population, which a running worker takes once a day, before cooldowns
    and opt-outs.
    """
    from nps_connect.connection import system_clock
    from nps_connect.rules.timing import local_date
    from nps_connect.services.intake.schedule_state import load_schedules

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        if name is not None:
            require_name(name, settings.surveys, "survey")
        schedules = [status for status in load_schedules(session, settings) if name in (None, status.trigger.survey)]
    today = local_date(system_clock(), settings.core.zone)
    rows = [_schedule_json(status, today) for status in schedules]
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("no survey has every" if name is None else f"survey {name!r} has no every")
    for row in rows:
        counted_at = format_time(row["counted_at"], settings.core.zone) if row["counted_at"] else None
        click.echo(_describe(row, counted_at))
        if row["days"]:
            print_table(["day", "people"], [(day["day"], day["people"]) for day in row["days"]], empty="")


def _schedule_json(status: ScheduleStatus, today: date) -> dict[str, Any]:
    from nps_connect.rules.schedule import UPCOMING_DAYS
    from nps_connect.settings.intervals import format_interval

    state, days = status.state, list(status.days_from(today).items())[:UPCOMING_DAYS]
    return {
        "survey": status.trigger.survey,
        "trigger": status.trigger.label,
        "connection": status.trigger.source,
        "every": format_interval(status.trigger.every),
        "held": state.held if state is not None else "first_run",
        "people": status.people,
        "counted_at": state.counted.at if state is not None and state.counted is not None else None,
        "days": [{"day": day, "people": people} for day, people in days],
    }


def _describe(row: dict[str, Any], counted_at: str | None) -> str:
    text = f"{row['survey']}: every {row['every']}, contacts of {row['connection']}"
    if counted_at is None:
        return f"{text}; not counted yet: a running worker does it"
    text += f"; {pluralize(row['people'], 'person', 'people')}, counted {counted_at}"
    if row["held"] is None:
        return text
    release = f"nps-connect triggers release '{row['trigger']}'"
    return f"{text}\n{row['survey']} {HELD_TEXTS[row['held']]}; to release it: {release}"
