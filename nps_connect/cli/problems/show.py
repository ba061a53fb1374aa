"""``nps-connect problems show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_fields, print_json
from nps_connect.cli.problems.list import problem_json

if TYPE_CHECKING:
    from nps_connect.ledger.problems import ProblemRow


@command
@click.argument("problem_id", metavar="ID", type=int, shell_complete=complete_id("problems.ProblemRow"))
def show(options: Options, problem_id: int, as_json: bool) -> None:
    """Show one problem: whom it concerns, which days are compared, and whether the fix worked.

    There is no verdict before the evaluation is due: figures looked at every day prove anything sooner or later.
    """
    from nps_connect.connection import system_clock
    from nps_connect.rules.timing import local_date
    from nps_connect.services.problems.problems import find_problem

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        row = find_problem(session, problem_id)
        details = problem_json(row, local_date(system_clock(), settings.core.zone))
        lines = _describe(row)
    if as_json:
        print_json(details)
        return
    hidden = {"evaluation", "before", "after_first", "after_last", "verdict", "cause", "concerned", "cause_kind"}
    print_fields({name: value for name, value in details.items() if name not in hidden} | lines, options.zone(settings))


def _describe(row: ProblemRow) -> dict[str, Any]:
    """Return cause, those concerned, the days and the verdict in words."""
    from nps_connect.rendering.problem_texts import verdict_text
    from nps_connect.services.problems.evaluate import load_effect

    facts = " ".join(f"{name.removeprefix('d.')}={value}" for name, value in row.concerned.items())
    lines: dict[str, Any] = {"concerned": facts or "everybody", "cause": " ".join(row.cause.values())}
    if row.after_first is not None:
        lines["days before"] = ", ".join(" to ".join(span) for span in row.before)
        lines["days after"] = f"{row.after_first} to {row.after_last}"
        lines["verdict"] = f"not yet due: looked at once, on {row.due_on}"
    if row.evaluation is not None:
        verdict = verdict_text("en", *load_effect(row.evaluation))
        lines["verdict"] = f"{verdict.lead} {verdict.detail}"
        lines["smallest effect"] = verdict.smallest
    return lines
