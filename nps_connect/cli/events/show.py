"""``nps-connect events show``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import open_output, print_fields, print_json
from nps_connect.cli._support.people import load_people_names
from nps_connect.cli.events.list import event_json
from nps_connect.cli.explain import print_timeline
from nps_connect.rendering.exports import dump_json


@command
@click.argument("event_id", metavar="ID", type=int, shell_complete=complete_id("tables.EventRow"))
@click.option("--raw", is_flag=True, help="A raw webhook request instead of an event.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="With --raw: write the body, which is personal data, to this file.",
)
def show(options: Options, event_id: int, raw: bool, output: Path | None, as_json: bool) -> None:
    """Show one event with its fields, decisions and deliveries; with --raw, a webhook request.

    The body of a webhook is written with --output only, to a file that only its owner may read; the audit log says who
    has done so.
    """
    if output is not None and not raw:
        raise click.UsageError("--output needs --raw")
    if raw:
        _show_request(options, event_id, output, as_json=as_json)
        return
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


def _show_request(options: Options, request_id: int, output: Path | None, *, as_json: bool) -> None:
    from nps_connect.ledger.tables import RawRequest

    with (
        options.open_ledger(writes=output is not None) as (ledger, settings),
        ledger.read() if output is None else ledger.write() as session,
    ):
        row = session.get(RawRequest, request_id)
        if row is None:
            raise CommandError(f"there is no webhook {request_id}; see: nps-connect events list --raw")
        if output is not None:
            audit_command(session, f"webhook:{request_id}")
        details = {**event_json(row, load_people_names(session, [])), "bytes": len(row.body)}
        body = row.body.decode("utf-8", "replace")
    if output is not None:
        with open_output(output) as stream:
            stream.write(body)
        click.echo(f"Written: {output}", err=True)
    if as_json:
        print_json(details)
    elif output is None:
        print_fields(details, options.zone(settings))
