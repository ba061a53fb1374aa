"""``nps-connect explain``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import tzinfo
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import format_time, print_json, print_table

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.services.operations.explain import Timeline
    from nps_connect.settings.model import Settings


@click.command(cls=Command)
@click.argument("contact", required=False)
@click.option("--event", "event_id", type=int, metavar="ID", help="What came of one event.")
@click.option("--delivery", "delivery_id", type=int, metavar="ID", help="What led to one delivery.")
@json_option
@pass_options
def explain(
    options: Options, contact: str | None, event_id: int | None, delivery_id: int | None, as_json: bool
) -> None:
    """Say why somebody was asked, or why not: the whole story of a person, in order.

    CONTACT is an e-mail address, the id at a connection, or CONNECTION:ID.
    """
    if sum(one is not None for one in (contact, event_id, delivery_id)) != 1:
        raise click.UsageError("name a CONTACT, or --event ID, or --delivery ID")
    with options.ledger() as (ledger, settings), ledger.read() as session:
        story = _story(session, settings, contact, event_id, delivery_id)
    if as_json:
        print_json(asdict(story))
    else:
        _print(story, settings.core.zone, person=contact is not None)


def _story(
    session: Session, settings: Settings, contact: str | None, event_id: int | None, delivery_id: int | None
) -> Timeline:
    from nps_connect.connection import system_clock
    from nps_connect.services.operations import explain

    zone, connections = settings.core.zone, list(settings.connections)
    if event_id is not None or delivery_id is not None:
        noun, one = ("event", event_id) if event_id is not None else ("delivery", delivery_id)
        story = (explain.explain_event if noun == "event" else explain.explain_delivery)(session, one or 0, zone=zone)
        if story is None:
            raise CommandError(f"there is no {noun} {one}")
        return story
    asked = contact or ""
    people = explain.resolve_contacts(session, asked, connections)
    if people:
        return explain.explain_person(session, people, now=system_clock(), connections=connections, zone=zone)
    story = explain.explain_unknown(session, asked, connections, zone=zone)
    if story.entries:
        return story
    raise CommandError("nobody is known by that e-mail address, id or CONNECTION:ID")


def _print(story: Timeline, zone: tzinfo, *, person: bool) -> None:
    from nps_connect.services.operations.explain import MAX_ROWS_PER_KIND

    if story.contacts:
        click.echo(f"contact  {', '.join(story.contacts)}")
    if story.suppressed:
        click.echo(f"stopped  {', '.join(story.suppressed)}")
    if story.eligible_at is not None:
        click.echo(f"cooldown until {format_time(story.eligible_at, zone)}")
    elif person and story.contacts and not story.suppressed:
        click.echo("no cooldown: the next survey is possible now")
    elif person and not story.contacts:
        click.echo("no contact is known by this; what is suppressed, or names it, is told")
    if story.truncated:
        click.echo(
            f"older ones left out: {', '.join(story.truncated)} (the newest {MAX_ROWS_PER_KIND} of each are told)"
        )
    click.echo()
    rows = [(format_time(entry.at, zone), entry.kind, entry.id, entry.text) for entry in story.entries]
    print_table([f"when ({zone})", "kind", "id", "what happened"], rows, empty="nothing has happened yet")
