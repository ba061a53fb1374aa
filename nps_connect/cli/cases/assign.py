"""``nps-connect cases assign``."""

from __future__ import annotations

import click

from nps_connect.cli._support.case_change import change_case
from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.options import Options, command


@command
@click.argument("case_id", metavar="ID", type=int, shell_complete=complete_id("cases.CaseRow"))
@click.argument("address", required=False)
@click.option("--nobody", is_flag=True, help="Nobody has the case any more.")
def assign(options: Options, case_id: int, address: str | None, nobody: bool, as_json: bool) -> None:
    """Let a member of staff have a case, by e-mail address: reminders go there.

    The ticket of the case is assigned too where the helpdesk's plugin can do so.
    """
    from nps_connect.records.base import is_mail_address
    from nps_connect.services.cases.case_work import assign_case

    if (address is None) != nobody:
        raise click.UsageError("give an e-mail address, or --nobody")
    if address is not None and not is_mail_address(address):
        raise click.BadParameter(f"{address!r} is not an e-mail address such as anna@example.com", param_hint="ADDRESS")
    change_case(
        options,
        case_id,
        lambda ctx, session, case, actor: assign_case(ctx, session, case, actor, address),
        as_json=as_json,
    )
