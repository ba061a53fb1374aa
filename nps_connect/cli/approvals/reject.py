"""``nps-connect approvals reject``."""

from __future__ import annotations

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json


@command
@click.argument("plan_id", metavar="ID", shell_complete=complete_id("approvals.ApprovalRow", "public_id"))
def reject(options: Options, plan_id: str, as_json: bool) -> None:
    """Reject a plan: it can no longer be approved."""
    from nps_connect.connection import system_clock
    from nps_connect.services.approvals.approvals import decide_plan, find_plan

    with options.open_ledger(writes=True) as (ledger, _), ledger.write() as session:
        decide_plan(session, find_plan(session, plan_id), "rejected", actor=current_actor(), now=system_clock())
    if as_json:
        print_json({"rejected": plan_id})
    else:
        click.echo(f"Rejected plan {plan_id}.")
