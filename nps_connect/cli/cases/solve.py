"""``nps-connect cases solve``."""

from __future__ import annotations

import click

from nps_connect.cli._support.case_change import change_case
from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.options import Options, command
from nps_connect.records.actions import REMEDIES


@command
@click.argument("case_id", metavar="ID", type=int, shell_complete=complete_id("cases.CaseRow"))
@click.option("--done", multiple=True, type=click.Choice(REMEDIES), help="What was done for the customer; may repeat.")
@click.option("--note", "text", help="A note about it.")
def solve(options: Options, case_id: int, done: tuple[str, ...], text: str | None, as_json: bool) -> None:
    """Solve a case. The recovery survey follows, if one is configured.

    The ticket of the case is solved too where the helpdesk's plugin can do so; else it gets a private comment.
    """
    from nps_connect.services.decisions.staff_cases import solve_case

    remedies = tuple(remedy for remedy in REMEDIES if remedy in done)
    change_case(
        options,
        case_id,
        lambda ctx, session, case, actor: solve_case(ctx, session, case, actor, remedies=remedies, text=text),
        as_json=as_json,
    )
