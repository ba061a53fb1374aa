"""``nps-connect problems open``."""

from __future__ import annotations

from datetime import datetime

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json
from nps_connect.cli.problems.list import problem_json

DAY = click.DateTime(["%Y-%m-%d"])


@command
@click.argument("title")
@click.option("--owner", required=True, help="Who looks after it.")
@click.option("--deadline", required=True, type=DAY, help="Until when it is to be fixed.")
@click.option(
    "--concerns", multiple=True, metavar="FACT=VALUE",
    help="Whom it concerns: survey, touchpoint, team or a dimension, such as location=Lyon. Repeat to narrow.",
)  # fmt: skip
@click.option("--theme", help="The cause is a theme of comments: judge how often it is named.")
@click.option(
    "--choice", nargs=2, metavar="QUESTION CHOICE", help="The cause is a choice of a follow-up question: likewise."
)
@click.option("--seen-since", type=DAY, help="First day of the figures that led to it; default: 27 days ago.")
@click.option("--note", help="Further details.")
def open_(
    options: Options,
    title: str,
    owner: str,
    deadline: datetime,
    concerns: tuple[str, ...],
    theme: str | None,
    choice: tuple[str, str] | None,
    seen_since: datetime | None,
    note: str | None,
    as_json: bool,
) -> None:
    """Open a problem. Figures from --seen-since until today led to it, and do not count in its evaluation."""
    from nps_connect.connection import system_clock
    from nps_connect.rules.timing import local_date
    from nps_connect.services.problems.problems import NewProblem, open_problem

    if theme and choice:
        raise CommandError("a problem has one cause: give --theme or --choice")
    now = system_clock()
    with options.open_ledger(writes=True) as (ledger, settings), ledger.write() as session:
        new = NewProblem(
            title=title,
            owner=owner,
            deadline=deadline.date(),
            cause_kind="theme" if theme else "choice" if choice else "group",
            cause={"theme": theme} if theme else {"question": choice[0], "choice": choice[1]} if choice else {},
            concerned=dict(_parse_fact(text, set(settings.core.dimensions)) for text in concerns),
            evidence_first=seen_since.date() if seen_since else None,
            note=note,
        )
        row = open_problem(session, settings, new, actor=current_actor(), now=now)
        details = problem_json(row, local_date(now, settings.core.zone))
    if as_json:
        print_json(details)
    else:
        click.echo(f"Opened problem {details['id']}. After the fix, run: nps-connect problems fix {details['id']}")


def _parse_fact(text: str, dimensions: set[str]) -> tuple[str, str]:
    """Return a fact as a parameter of a filter."""
    name, separator, value = text.partition("=")
    if not separator or not value:
        raise CommandError(f"--concerns needs FACT=VALUE, such as location=Lyon: {text!r}")
    return (f"d.{name}" if name in dimensions else name), value
