"""``nps-connect approvals approve``."""

from __future__ import annotations

import sys

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import pluralize, print_json
from nps_connect.cli.approvals.show import load_details, print_details


@command
@click.argument("plan_id", metavar="ID", shell_complete=complete_id("approvals.ApprovalRow", "public_id"))
def approve(options: Options, plan_id: str, as_json: bool) -> None:
    """Show a plan, ask for its number of people, and carry it out. Works in a terminal only.

    A plan is carried out once, within 15 minutes, and only if it would still do the same. There is no --yes.
    """
    require_terminal()
    with options.open_application() as application:
        ctx = application.ctx
        details = load_details(ctx.ledger, plan_id)
        print_details(details, options.zone(ctx.settings))
        people = pluralize(details["people"], "person", "people")
        question = f"This plan reaches {people}. To approve it, type that number"
        if click.prompt(question, err=True, type=str) != str(details["people"]):
            raise CommandError("not approved: that is another number")
        from nps_connect.services.assistants.plans import approve_plan

        result = approve_plan(ctx, plan_id, current_actor())
    if as_json:
        print_json({"approved": plan_id, "result": result})
    else:
        click.echo(f"Approved plan {plan_id}: {result}.")


def require_terminal() -> None:
    """Refuse to go on unless a person sits at a terminal.

    Raises:
        CommandError: standard input or output is a file or a pipe.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandError("a plan can only be approved by a person in a terminal")
