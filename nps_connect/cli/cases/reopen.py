"""``nps-connect cases reopen``."""

from __future__ import annotations

import click

from nps_connect.cli._support.case_change import change_case
from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.options import Options, command


@command
@click.argument("case_id", metavar="ID", type=int, shell_complete=complete_id("cases.CaseRow"))
@click.option("--note", "text", help="Why.")
def reopen(options: Options, case_id: int, text: str | None, as_json: bool) -> None:
    """Reopen a solved case, and its ticket where the helpdesk's plugin can do so.

    A recovery survey that was not sent yet is cancelled.
    """
    from nps_connect.services.decisions.staff_cases import reopen_case

    change_case(
        options,
        case_id,
        lambda ctx, session, case, actor: reopen_case(ctx, session, case, actor, text=text),
        as_json=as_json,
    )
