"""``nps-connect explain``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import tzinfo
from typing import TYPE_CHECKING

import click

from nps_connect.cli.guarding import Failure
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import moment, print_json, print_table

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.flows.minding.explain import Story
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
) -> Story:
    from nps_connect.connection import system_clock
    from nps_connect.flows.minding import explain

    zone, connections = settings.core.zone, list(settings.connections)
    if event_id is not None or delivery_id is not None:
        noun, one = ("event", event_id) if event_id is not None else ("delivery", delivery_id)
        story = (explain.explain_event if noun == "event" else explain.explain_delivery)(session, one or 0, zone=zone)
        if story is None:
            raise Failure(f"there is no {noun} {one}")
        return story
    asked = contact or ""
    people = explain.find_people(session, asked, connections)
    if people:
        return explain.explain_person(session, people, now=system_clock(), connections=connections, zone=zone)
    story = explain.explain_unknown(session, asked, connections, zone=zone)
    if story.steps:
        return story
    raise Failure("nobody is known by that e-mail address, id or CONNECTION:ID")


def _print(story: Story, zone: tzinfo, *, person: bool) -> None:
    from nps_connect.flows.minding.explain import MOST

    if story.contacts:
        click.echo(f"contact  {', '.join(story.contacts)}")
    if story.suppressed:
        click.echo(f"stopped  {', '.join(story.suppressed)}")
    if story.eligible_at is not None:
        click.echo(f"cooldown until {moment(story.eligible_at, zone)}")
    elif person and story.contacts and not story.suppressed:
        click.echo("no cooldown: the next survey is possible now")
    elif person and not story.contacts:
        click.echo("no contact is known by this; what is suppressed, or names it, is told")
    if story.left_out:
        click.echo(f"older ones left out: {', '.join(story.left_out)} (the newest {MOST} of each are told)")
    click.echo()
    rows = [(moment(step.at, zone), step.what, step.id, step.told) for step in story.steps]
    print_table([f"when ({zone})", "what", "id", "told"], rows, empty="nothing has happened yet")
