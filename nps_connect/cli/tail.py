"""``nps-connect tail``."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import tzinfo
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.list_options import ListFilters, list_options
from nps_connect.cli._support.names import NameChoice
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import format_time
from nps_connect.rendering.exports import dump_json

if TYPE_CHECKING:
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.services.operations.tail import Tail
    from nps_connect.services.operations.timeline import TimelineEntry

KINDS = ("event", "decision", "delivery", "response")
POLL_INTERVAL_SECONDS = 1.0


@command
@list_options(pages=False, period=False)
@click.option("--since", help="Begin with what happened from then on: a day, a time or an age (1h).")
@click.option("--kind", type=NameChoice(KINDS), multiple=True, help="Only this kind; repeatable.")
def tail(options: Options, filters: ListFilters, kind: tuple[str, ...], as_json: bool) -> None:
    """Follow events, decisions, attempts of deliveries and responses as they happen, until Ctrl-C.

    With --since, begin with what happened from then on. --json prints one JSON object per line.
    """
    from nps_connect.ledger.tables import DeliveryRow, EventRow
    from nps_connect.services.operations.tail import Tail, TailFilter

    with options.open_ledger() as (ledger, settings):
        zone = options.zone(settings)
        with ledger.read() as session:
            since, _ = filters.period(settings)
            tail_filter = TailFilter(
                kinds=kind or KINDS,
                connection=filters.known_connection(session, settings, EventRow.connection, DeliveryRow.connection),
                contacts=filters.contact_ids(session, settings),
            )
        follow(ledger, Tail(tail_filter, since, zone), zone, time.sleep, as_json=as_json)


def follow(ledger: Ledger, new: Tail, zone: tzinfo, sleep: Callable[[float], object], *, as_json: bool) -> None:
    """Print what is new, again and again; ends only by an exception, such as Ctrl-C."""
    while True:
        with ledger.read() as session:
            entries = new.read(session)
        for entry in entries:
            click.echo(dump_json(asdict(entry)) if as_json else _format_entry(entry, zone))
        sleep(POLL_INTERVAL_SECONDS)


def _format_entry(entry: TimelineEntry, zone: tzinfo) -> str:
    return f"{format_time(entry.at, zone)}  {entry.kind:<8}  {entry.id}  {entry.text}"
