"""``nps-connect events show``."""

from __future__ import annotations

from dataclasses import asdict

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import format_time, print_fields, print_json, print_table
from nps_connect.cli.events.list import event_json


@click.command(cls=Command)
@click.argument("event_id", metavar="ID", type=int)
@json_option
@pass_options
def show(options: Options, event_id: int, as_json: bool) -> None:
    """Show one event, the fields that filters saw, and all that came of it."""
    from nps_connect.ledger.tables import EventRow
    from nps_connect.services.operations.explain import explain_event

    with options.ledger() as (ledger, settings), ledger.read() as session:
        zone = settings.core.zone
        row, story = session.get(EventRow, event_id), explain_event(session, event_id, zone=zone)
        if row is None or story is None:
            raise CommandError(f"there is no event {event_id}; see: nps-connect events list")
        told = {**event_json(row), "fields": row.record.get("fields", {}), "contacts": list(story.contacts)}
    if as_json:
        print_json({**told, "entries": [asdict(entry) for entry in story.entries]})
        return
    print_fields(told.items())
    click.echo()
    rows = [(format_time(entry.at, zone), entry.kind, entry.id, entry.text) for entry in story.entries]
    print_table([f"when ({zone})", "kind", "id", "what happened"], rows, empty="nothing came of it")
