"""What ``events list`` and ``events replay`` share: which events are meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nps_connect.cli._support.connection_names import require_connection
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.periods import parse_period, period_options

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.services.intake.replay import ReplayFilter
    from nps_connect.settings.model import Settings

F = TypeVar("F", bound=Callable[..., Any])
STATES = ("pending", "running", "succeeded", "dead")
FILTER_OPTIONS = ("connection", "state", "kind", "contact", "since", "until")


def event_filter_options(command: F) -> F:
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


def parse_event_selection(
    session: Session, settings: Settings, given: dict[str, Any], ids: tuple[int, ...] = ()
) -> ReplayFilter:
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
    from nps_connect.services.intake.replay import ReplayFilter, has_intake_from
    from nps_connect.services.operations.explain import resolve_contacts

    connection, contact = given["connection"], given["contact"]
    if given["raw"] and (given["kind"] or contact):
        raise click.UsageError("--kind and --contact choose events; webhooks (--raw) have neither")
    if connection is not None and not has_intake_from(session, connection):
        require_connection(connection, settings.connections)
    people: tuple[int, ...] | None = None
    if contact is not None:
        people = tuple(one.id or 0 for one in resolve_contacts(session, contact, list(settings.connections)))
        if not people:
            raise CommandError(f"nobody is known as {contact!r}")
    since, until = parse_period(settings, given["since"], given["until"])
    return ReplayFilter(ids, connection, given["state"], given["kind"], people, since, until)
