"""``nps-connect events show``."""

from __future__ import annotations

from dataclasses import asdict

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_fields, print_json
from nps_connect.cli.events.list import event_json
from nps_connect.cli.explain import print_timeline


@command
@click.argument("event_id", metavar="ID", type=int)
def show(options: Options, event_id: int, as_json: bool) -> None:
    """Show one event with its fields, decisions and deliveries."""
    from nps_connect.ledger.tables import EventRow
    from nps_connect.services.operations.explain import explain_event

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        zone = settings.core.zone
        row, timeline = session.get(EventRow, event_id), explain_event(session, event_id, zone=zone)
        if row is None or timeline is None:
            raise CommandError(f"there is no event {event_id}; see: nps-connect events list")
        details = {**event_json(row), "fields": row.record.get("fields", {}), "contacts": list(timeline.contacts)}
    if as_json:
        print_json({**details, "entries": [asdict(entry) for entry in timeline.entries]})
        return
    print_fields(details, zone)
    click.echo()
    print_timeline(timeline, zone)
