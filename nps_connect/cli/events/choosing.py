"""What ``events list`` and ``events replay`` share: which events are meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nps_connect.cli.connections.naming import known
from nps_connect.cli.guarding import Failure
from nps_connect.cli.periods import period, period_options

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.flows.intake.replay import Chosen
    from nps_connect.settings.model import Settings

F = TypeVar("F", bound=Callable[..., Any])
STATES = ("pending", "running", "succeeded", "dead")
NARROWING = ("connection", "state", "kind", "contact", "since", "until")


def choosing(command: F) -> F:
    """``--connection``, ``--state``, ``--kind``, ``--contact``, ``--since``, ``--until``, ``--raw``."""
    raw = click.option("--raw", is_flag=True, help="Webhooks as they came in, in place of the events in them.")
    command = period_options(raw(command))
    for option in (
        click.option("--contact", help="Only of this person: an e-mail address, a vendor id, or CONNECTION:ID."),
        click.option("--kind", help="Only of this kind, such as deal.won."),
        click.option("--state", type=click.Choice(STATES), help="Only in this state."),
        click.option("--connection", help="Only of this connection."),
    ):
        command = option(command)
    return command


def chosen(session: Session, settings: Settings, given: dict[str, Any], ids: tuple[int, ...] = ()) -> Chosen:
    """What the options mean.

    Args:
        session: for reading.
        settings: with the connections.
        given: what was given, by option.
        ids: of events, or of webhooks.

    Raises:
        click.UsageError: an unknown connection, a time that cannot be read, or webhooks by what only events have.
        Failure: nobody is known by that contact.
    """
    from nps_connect.flows.intake.replay import Chosen, is_connection
    from nps_connect.flows.minding.explain import find_people

    connection, contact = given["connection"], given["contact"]
    if given["raw"] and (given["kind"] or contact):
        raise click.UsageError("--kind and --contact choose events; webhooks (--raw) have neither")
    if connection is not None and not is_connection(session, connection):
        known(connection, settings.connections)
    people: tuple[int, ...] | None = None
    if contact is not None:
        people = tuple(one.id or 0 for one in find_people(session, contact, list(settings.connections)))
        if not people:
            raise Failure(f"nobody is known as {contact!r}")
    since, until = period(settings, given["since"], given["until"])
    return Chosen(ids, connection, given["state"], given["kind"], people, since, until)
