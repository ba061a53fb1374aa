"""Shared by ``events list`` and ``events replay``: selecting events or raw webhooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.list_options import ListFilters, list_options

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.services.intake.replay import ReplayFilter
    from nps_connect.settings.model import Settings

STATES = ("pending", "running", "succeeded", "dead")


def event_filter_options(*, pages: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds the options of a list of events, ``--kind`` and ``--raw``.

    Args:
        pages: add ``--limit`` and ``--cursor``.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        command = click.option("--raw", is_flag=True, help="Raw webhook requests instead of events.")(command)
        command = click.option("--kind", help="Only this kind, such as deal.won.")(command)
        return list_options(states=STATES, pages=pages)(command)

    return decorate


def parse_event_selection(
    session: Session,
    settings: Settings,
    filters: ListFilters,
    *,
    kind: str | None,
    raw: bool,
    ids: tuple[int, ...] = (),
) -> ReplayFilter:
    """Return the filter that the options describe.

    Args:
        session: for reading.
        settings: with the connections.
        filters: the option values that all lists share.
        kind: of event.
        raw: webhooks are selected.
        ids: of events, or of webhooks.

    Raises:
        click.UsageError: an unknown connection, an invalid period, or ``--raw`` with options that only events have.
        CommandError: no contact matches.
    """
    from sqlmodel import col

    from nps_connect.ledger.tables import EventRow, RawRequest
    from nps_connect.services.intake.replay import ReplayFilter

    if raw and (kind or filters.contact):
        raise click.UsageError("--kind and --contact filter events; they cannot be combined with --raw")
    connection = filters.known_connection(session, settings, col(EventRow.connection), col(RawRequest.connection))
    contact_ids = filters.contact_ids(session, settings)
    return ReplayFilter(ids, connection, filters.state, kind, contact_ids, *filters.period(settings))
