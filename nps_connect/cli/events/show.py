"""``nps-connect events show``."""

from __future__ import annotations

from dataclasses import asdict

import click

from nps_connect.cli.events.list import facts
from nps_connect.cli.guarding import Failure
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import moment, print_facts, print_json, print_table


@click.command(cls=Command)
@click.argument("event_id", metavar="ID", type=int)
@json_option
@pass_options
def show(options: Options, event_id: int, as_json: bool) -> None:
    """Show one event, the fields that filters saw, and all that came of it."""
    from nps_connect.flows.minding.explain import explain_event
    from nps_connect.ledger.tables import EventRow

    with options.ledger() as (ledger, settings), ledger.read() as session:
        zone = settings.core.zone
        row, story = session.get(EventRow, event_id), explain_event(session, event_id, zone=zone)
        if row is None or story is None:
            raise Failure(f"there is no event {event_id}; see: nps-connect events list")
        told = {**facts(row), "fields": row.record.get("fields", {}), "contacts": list(story.contacts)}
    if as_json:
        print_json({**told, "steps": [asdict(step) for step in story.steps]})
        return
    print_facts(told.items())
    click.echo()
    rows = [(moment(step.at, zone), step.what, step.id, step.told) for step in story.steps]
    print_table([f"when ({zone})", "what", "id", "told"], rows, empty="nothing came of it")
