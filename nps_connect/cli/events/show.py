"""``nps-connect events show``."""

from __future__ import annotations

from dataclasses import asdict

import click

from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import dump_json, print_fields, print_json
from nps_connect.cli._support.people import load_people_names
from nps_connect.cli.events.list import event_json
from nps_connect.cli.explain import print_timeline


@command
@click.argument("event_id", metavar="ID", type=int, shell_complete=complete_id("tables.EventRow"))
def show(options: Options, event_id: int, as_json: bool) -> None:
    """Show one event with its fields, decisions and deliveries."""
    from nps_connect.ledger.tables import EventRow
    from nps_connect.services.operations.explain import explain_event

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        zone = options.zone(settings)
        row, timeline = session.get(EventRow, event_id), explain_event(session, event_id, zone=zone)
        if row is None or timeline is None:
            raise CommandError(f"there is no event {event_id}; see: nps-connect events list")
        people = load_people_names(session, [row.contact_id])
        fields = row.record.get("fields", {})
        details = {**event_json(row, people), "fields": fields, "contacts": list(timeline.contacts)}
    if as_json:
        print_json({**details, "entries": [asdict(entry) for entry in timeline.entries]})
        return
    shown = {"fields": dump_json(fields) if fields else None, "contacts": ", ".join(timeline.contacts)}
    print_fields({**details, **shown}, zone)
    click.echo()
    print_timeline(timeline, zone)
