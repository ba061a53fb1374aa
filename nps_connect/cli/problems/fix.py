"""``nps-connect problems fix``."""

from __future__ import annotations

from datetime import datetime

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json


@command
@click.argument("problem_id", metavar="ID", type=int, shell_complete=complete_id("problems.ProblemRow"))
@click.option("--on", "fixed_on", type=click.DateTime(["%Y-%m-%d"]), help="When the fix took effect; default: today.")
@click.option("--days", type=int, default=84, show_default=True, help="How many days are compared before and after.")
@click.option("--note", help="What was changed.")
def fix(
    options: Options, problem_id: int, fixed_on: datetime | None, days: int, note: str | None, as_json: bool
) -> None:
    """Enter when a problem was fixed. That fixes which days are compared, and when the answers are looked at, once.

    The date can be corrected until the first day after the fix begins.
    """
    from nps_connect.connection import system_clock
    from nps_connect.rules.timing import local_date
    from nps_connect.services.problems.problems import enter_fix, find_problem

    now = system_clock()
    with options.open_ledger(writes=True) as (ledger, settings), ledger.write() as session:
        row = find_problem(session, problem_id)
        day = fixed_on.date() if fixed_on else local_date(now, settings.core.zone)
        plan = enter_fix(session, settings, row, fixed_on=day, days=days, note=note, actor=current_actor(), now=now)
    if as_json:
        before = [[span.first, span.last] for span in plan.before]
        after = [plan.after.first, plan.after.last]
        print_json({"id": problem_id, "fixed_on": day, "before": before, "after": after, "due_on": plan.due_on})
        return
    click.echo(f"Problem {problem_id} is evaluated once, on {plan.due_on}.")
