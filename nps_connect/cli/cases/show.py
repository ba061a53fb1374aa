"""``nps-connect cases show``."""

from __future__ import annotations

import click

from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_fields, print_json
from nps_connect.cli.cases.list import case_json


@command
@click.argument("case_id", metavar="ID", type=int, shell_complete=complete_id("cases.CaseRow"))
def show(options: Options, case_id: int, as_json: bool) -> None:
    """Show one case with its ticket, its times and what came of it."""
    from sqlmodel import col

    from nps_connect.connection import system_clock
    from nps_connect.ledger.cases import CaseRow
    from nps_connect.services.cases.case_list import case_query

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        row = session.execute(case_query().where(col(CaseRow.id) == case_id)).first()
        if row is None:
            raise CommandError(f"there is no case {case_id}; see: nps-connect cases list")
        details = case_json(*row, now=system_clock())
    if as_json:
        print_json(details)
    else:
        print_fields(details, options.zone(settings))
