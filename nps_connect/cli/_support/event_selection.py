"""Shared by ``events list`` and ``events replay``: selecting events or raw webhooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.names import require_connection
from nps_connect.cli._support.periods import parse_period, period_options

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.services.intake.replay import ReplayFilter
    from nps_connect.settings.model import Settings

F = TypeVar("F", bound=Callable[..., Any])
STATES = ("pending", "running", "succeeded", "dead")
FILTER_OPTIONS = ("connection", "state", "kind", "contact", "since", "until")


def event_filter_options(command: F) -> F:
    """Add ``--connection``, ``--state``, ``--kind``, ``--contact``, ``--since``, ``--until`` and ``--raw``."""
    raw = click.option("--raw", is_flag=True, help="Raw webhook requests instead of events.")
    command = period_options(raw(command))
    for option in (
        click.option("--contact", help="Only this contact: an e-mail address, a vendor id, or CONNECTION:ID."),
        click.option("--kind", help="Only this kind, such as deal.won."),
        click.option("--state", type=click.Choice(STATES), help="Only this state."),
        click.option("--connection", help="Only this connection."),
    ):
        command = option(command)
    return command


def parse_event_selection(
    session: Session, settings: Settings, filters: dict[str, Any], ids: tuple[int, ...] = ()
) -> ReplayFilter:
    """Return the filter that the options describe.

    Args:
        session: for reading.
        settings: with the connections.
        filters: the option values, by option name.
        ids: of events, or of webhooks with ``--raw``.

    Raises:
        click.UsageError: an unknown connection, an invalid period, or ``--raw`` with options that only events have.
        CommandError: no contact matches.
    """
    from nps_connect.services.intake.replay import ReplayFilter, has_intake_from
    from nps_connect.services.operations.explain import resolve_contacts

    connection, contact = filters["connection"], filters["contact"]
    if filters["raw"] and (filters["kind"] or contact):
        raise click.UsageError("--kind and --contact filter events; they cannot be combined with --raw")
    if connection is not None and not has_intake_from(session, connection):
        require_connection(connection, settings.connections)
    contact_ids: tuple[int, ...] | None = None
    if contact is not None:
        contact_ids = tuple(row.id or 0 for row in resolve_contacts(session, contact, list(settings.connections)))
        if not contact_ids:
            raise CommandError(f"no contact matches {contact!r}")
    since, until = parse_period(settings, filters["since"], filters["until"])
    return ReplayFilter(ids, connection, filters["state"], filters["kind"], contact_ids, since, until)
