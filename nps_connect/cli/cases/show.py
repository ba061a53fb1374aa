"""``nps-connect cases show``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, print_fields, print_json, print_table
from nps_connect.cli.cases.list import case_json

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.cases import CaseEntryRow


@command
@click.argument("case_id", metavar="ID", type=int, shell_complete=complete_id("cases.CaseRow"))
def show(options: Options, case_id: int, as_json: bool) -> None:
    """Show one case with its ticket, its times, what staff did and what came of it."""
    from nps_connect.connection import system_clock

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        details = load_details(session, case_id, system_clock())
    if as_json:
        print_json(details)
        return
    zone, history = options.zone(settings), details.pop("history")
    print_fields({**details, "remedies": ", ".join(details["remedies"])}, zone)
    if history:
        click.echo()
        rows = [(entry["at"], entry["kind"], entry["by"], _describe(entry, zone)) for entry in history]
        print_table(("when", "what", "who", "details"), rows, empty="", zone=zone)


def load_details(session: Session, case_id: int, now: datetime) -> dict[str, Any]:
    """Return a case with its history, for ``--json``.

    Raises:
        CommandError: there is no such case.
    """
    from sqlmodel import col

    from nps_connect.ledger.cases import CaseRow
    from nps_connect.services.cases.case_list import case_query
    from nps_connect.services.cases.history import load_entries

    row = session.execute(case_query().where(col(CaseRow.id) == case_id)).first()
    if row is None:
        raise CommandError(f"there is no case {case_id}; see: nps-connect cases list")
    return case_json(*row, now=now) | {"history": [_entry_json(entry) for entry in load_entries(session, [case_id])]}


def _entry_json(entry: CaseEntryRow) -> dict[str, Any]:
    return {
        "at": entry.at,
        "kind": entry.kind,
        "by": entry.actor_name,
        **attributes(entry, "text", "call_outcome", "next_contact_at", "assigned_to"),
        "remedies": entry.remedies or [],
    }


def _describe(entry: dict[str, Any], zone: Any) -> str:  # noqa: ANN401  # a time zone
    """Return the details of an entry on one line."""
    next_contact_at = entry["next_contact_at"]
    parts = (
        (entry["call_outcome"] or "").replace("_", " "),
        f"next call {next_contact_at.astimezone(zone):%Y-%m-%d %H:%M}" if next_contact_at else "",
        entry["assigned_to"] or ("nobody" if entry["kind"] == "assigned" else ""),
        ", ".join(entry["remedies"]),
        " ".join((entry["text"] or "").split()),
    )
    return "; ".join(part for part in parts if part)
