"""``nps-connect problems close``."""

from __future__ import annotations

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json


@command
@click.argument("problem_id", metavar="ID", type=int, shell_complete=complete_id("problems.ProblemRow"))
@click.option("--reason", help="Why, for the audit log.")
def close(options: Options, problem_id: int, reason: str | None, as_json: bool) -> None:
    """Close a problem. An evaluation that is not yet due never takes place."""
    from nps_connect.connection import system_clock
    from nps_connect.services.problems.problems import close_problem, find_problem

    with options.open_ledger(writes=True) as (ledger, _), ledger.write() as session:
        row = find_problem(session, problem_id)
        close_problem(session, row, actor=current_actor(), now=system_clock(), reason=reason)
    if as_json:
        print_json({"closed": problem_id})
    else:
        click.echo(f"Closed problem {problem_id}.")
