"""``nps-connect approvals show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_fields, print_json, print_table
from nps_connect.cli._support.people import load_people_names
from nps_connect.cli.approvals.list import plan_json

if TYPE_CHECKING:
    from datetime import tzinfo

    from nps_connect.ledger.ledger import Ledger


@command
@click.argument("plan_id", metavar="ID", shell_complete=complete_id("approvals.ApprovalRow", "public_id"))
def show(options: Options, plan_id: str, as_json: bool) -> None:
    """Show one plan: what it would do, and the people whom it would reach."""
    with options.open_ledger() as (ledger, settings):
        details = load_details(ledger, plan_id)
    if as_json:
        print_json(details)
    else:
        print_details(details, options.zone(settings))


def load_details(ledger: Ledger, plan_id: str) -> dict[str, Any]:
    """Return a plan with its arguments and its people.

    Raises:
        PlanRefused: there is no such plan.
    """
    from nps_connect.connection import system_clock
    from nps_connect.services.approvals.approvals import find_plan

    with ledger.read() as session:
        row = find_plan(session, plan_id)
        arguments = {name: value for name, value in row.plan.get("arguments", {}).items() if name != "contacts"}
        contact_ids = row.plan.get("contacts", [])
        people = load_people_names(session, contact_ids)
        reached = [people.of(contact_id) for contact_id in contact_ids]
    return {**plan_json(row, system_clock()), "arguments": arguments, "reaches": reached}


def print_details(details: dict[str, Any], zone: tzinfo) -> None:
    """Print a plan, and the people whom it would reach as a table."""
    fields = {name: value for name, value in details.items() if name not in ("arguments", "reaches")}
    arguments = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in details["arguments"].items()
    }
    print_fields({**fields, **arguments}, zone)
    click.echo()
    rows = [(person["contact"], person["person"]) for person in details["reaches"]]
    print_table(["contact", "person"], rows, empty="reaches nobody")
