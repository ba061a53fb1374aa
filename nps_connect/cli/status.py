"""``nps-connect status``."""

from __future__ import annotations

from dataclasses import asdict

import click

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import format_age, format_time, pluralize, print_fields, print_json, print_table

CLOCK_TOLERANCE_SECONDS = 15.0
"""Hosts whose clocks are synchronized differ by much less."""


@command
def status(options: Options, as_json: bool) -> None:
    """Show system status: deliveries by state, pauses, held triggers, and the last event of each connection."""
    from nps_connect.connection import system_clock
    from nps_connect.services.operations.status import load_status

    with options.open_ledger() as (ledger, settings):
        ledger.check_disk()
        with ledger.read() as session:
            system = load_status(session, settings, system_clock(), ledger.storage.problem)
    if as_json:
        print_json(asdict(system))
        return
    zone = settings.core.zone
    if system.storage_problem is not None:
        click.echo(f"{system.storage_problem}\n")
    if system.clock_ahead_seconds > CLOCK_TOLERANCE_SECONDS:
        click.echo(f"clock: a process is {system.clock_ahead_seconds:.0f} s ahead of this machine; synchronize both")
    if system.moments_corrected:
        times = pluralize(system.moments_corrected, "stored time", "stored times")
        click.echo(f"clock: {times} of the last 7 days lay in the future and were corrected; check the hosts' clocks")
    surveys_today = f"{system.surveys_today} of {system.surveys_per_day}"
    deliveries = {f"deliveries {state}": number for state, number in system.deliveries.items()}
    print_fields({"mode": system.mode, "surveys today": surveys_today, **deliveries})
    click.echo()
    print_table(
        ["connection", "last event", "age", "missed webhooks (30d)", "undecided", "unreadable"],
        [
            (
                name,
                intake.last_event_at or "never",
                format_age(system.at - intake.last_event_at) if intake.last_event_at else None,
                intake.missed,
                intake.undecided,
                intake.unreadable,
            )
            for name, intake in system.connections.items()
        ],
        empty="no connection with events",
        zone=zone,
    )
    if system.to_confirm:
        detractors = pluralize(system.to_confirm, "unconfirmed detractor", "unconfirmed detractors")
        click.echo(f"to confirm: {detractors}; see: nps-connect responses list --to-confirm")
    for name, mailbox in system.unreadable_mailboxes.items():
        since = format_time(mailbox.since, zone)
        click.echo(f"bounce mailbox of {name} unreadable since {since}: {mailbox.reason}")
    for pause in system.paused:
        click.echo(f"paused: {pause.scope} since {format_time(pause.since, zone)} ({pause.cause}: {pause.reason})")
    for trigger, number in system.held.items():
        people = pluralize(number, "person", "people")
        click.echo(f"held: {people} by trigger {trigger}; run: nps-connect triggers release|refuse '{trigger}'")
