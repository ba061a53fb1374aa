"""``nps-connect status``."""

from __future__ import annotations

from dataclasses import asdict

import click

from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import format_age, format_time, pluralize, print_fields, print_json, print_table


@click.command(cls=Command)
@json_option
@pass_options
def status(options: Options, as_json: bool) -> None:
    """Say how the application stands: what waits, what is stopped or held, and when each connection was last heard of."""
    from nps_connect.connection import system_clock
    from nps_connect.services.operations.status import load_status as look

    with options.ledger() as (ledger, settings), ledger.read() as session:
        known = look(session, settings, system_clock())
    if as_json:
        print_json(asdict(known))
        return
    zone = settings.core.zone
    print_fields(
        [
            ("mode", known.mode),
            ("surveys today", f"{known.surveys_today} of {known.surveys_per_day}"),
            *((f"deliveries {state}", number) for state, number in known.deliveries.items()),
        ]
    )
    click.echo()
    print_table(
        ["connection", "last event", "age", "missed by webhooks (30d)", "undecided", "unreadable"],
        [
            (
                name,
                format_time(one.last_event_at, zone) or "never",
                format_age(known.at - one.last_event_at) if one.last_event_at else None,
                one.missed,
                one.undecided,
                one.unreadable,
            )
            for name, one in known.connections.items()
        ],
        empty="no connection gives events",
    )
    if known.to_confirm:
        told = pluralize(known.to_confirm, "detractor", "detractors")
        click.echo(f"to confirm: {told} opened a score and pressed none; nps-connect responses list --to-confirm")
    for stop in known.paused:
        click.echo(f"paused: {stop.scope} since {format_time(stop.since, zone)} ({stop.cause}: {stop.reason})")
    for trigger, number in known.held.items():
        click.echo(f"held: {number} people of trigger {trigger}; nps-connect triggers release|refuse '{trigger}'")
