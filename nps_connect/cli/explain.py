"""``nps-connect explain``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import tzinfo
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.completion import complete_contact, complete_id
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import format_time, print_json, print_table

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.services.operations.explain import Timeline
    from nps_connect.settings.model import Settings


@command
@click.argument("contact", required=False, shell_complete=complete_contact)
@click.option(
    "--event",
    "event_id",
    type=int,
    metavar="ID",
    help="Explain one event.",
    shell_complete=complete_id("tables.EventRow"),
)
@click.option(
    "--delivery",
    "delivery_id",
    type=int,
    metavar="ID",
    help="Explain one delivery.",
    shell_complete=complete_id("tables.DeliveryRow"),
)
def explain(
    options: Options, contact: str | None, event_id: int | None, delivery_id: int | None, as_json: bool
) -> None:
    """Explain why a contact was or was not surveyed: events, decisions, deliveries and responses in time order.

    CONTACT is an e-mail address, the id at a connection, or CONNECTION:ID.
    """
    if sum(subject is not None for subject in (contact, event_id, delivery_id)) != 1:
        raise click.UsageError("give exactly one of CONTACT, --event ID, --delivery ID")
    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        timeline = _build_timeline(session, settings, contact, event_id, delivery_id, options.zone(settings))
    if as_json:
        print_json(asdict(timeline))
    else:
        _print(timeline, options.zone(settings), is_person=contact is not None)


def _build_timeline(
    session: Session,
    settings: Settings,
    contact: str | None,
    event_id: int | None,
    delivery_id: int | None,
    zone: tzinfo,
) -> Timeline:
    from nps_connect.connection import system_clock
    from nps_connect.services.operations import explain

    connections = list(settings.connections)
    if contact is None:
        if event_id is not None:
            noun, row_id, timeline = "event", event_id, explain.explain_event(session, event_id, zone=zone)
        else:
            noun, row_id = "delivery", delivery_id or 0
            timeline = explain.explain_delivery(session, row_id, zone=zone)
        if timeline is None:
            raise CommandError(f"there is no {noun} {row_id}")
        return timeline
    people = explain.resolve_contacts(session, contact, connections)
    if people:
        return explain.explain_person(session, people, now=system_clock(), connections=connections, zone=zone)
    timeline = explain.explain_unknown(session, contact, connections, zone=zone)
    if not timeline.entries:
        raise CommandError("no contact has that e-mail address, id or CONNECTION:ID")
    return timeline


def _print(timeline: Timeline, zone: tzinfo, *, is_person: bool) -> None:
    from nps_connect.services.operations.explain import MAX_ROWS_PER_KIND

    if timeline.contacts:
        click.echo(f"contact     {', '.join(timeline.contacts)}")
    elif is_person:
        click.echo("no contact matches; showing events and suppressions that name it")
    if timeline.suppressed:
        click.echo(f"suppressed  {', '.join(timeline.suppressed)}")
    if timeline.eligible_at is not None:
        click.echo(f"cooldown    until {format_time(timeline.eligible_at, zone)}")
    elif is_person and timeline.contacts and not timeline.suppressed:
        click.echo("cooldown    none: eligible for a survey now")
    if timeline.truncated:
        click.echo(f"truncated   {', '.join(timeline.truncated)}: showing the newest {MAX_ROWS_PER_KIND} of each")
    click.echo()
    print_timeline(timeline, zone)


def print_timeline(timeline: Timeline, zone: tzinfo) -> None:
    """Print what happened as a table, oldest first."""
    rows = [(entry.at, entry.kind, entry.id, entry.text) for entry in timeline.entries]
    print_table(["time", "kind", "id", "what happened"], rows, empty="nothing has happened yet", zone=zone)
