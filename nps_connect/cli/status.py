"""``nps-connect status``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import format_age, format_time, pluralize, print_json, print_table

if TYPE_CHECKING:
    from nps_connect.records.findings import Finding
    from nps_connect.services.operations.connection_status import ConnectionStatus
    from nps_connect.services.operations.status import SystemStatus

MARKS = {"error": "✗", "warning": "!"}
COLUMNS = ("connection", "state", "last event", "last success", "due", "oldest", "held", "dead")


@command
def status(options: Options, as_json: bool) -> None:
    """Show each connection, what waits, what needs attention, and today's figures. Reads the database only.

    Exit code 1 if something needs attention.
    """
    from nps_connect.connection import system_clock
    from nps_connect.ledger.state_dir import open_state_dir
    from nps_connect.services.operations.ledger_findings import find_findings
    from nps_connect.services.operations.operator_pauses import marker_findings
    from nps_connect.services.operations.status import load_status

    with options.open_ledger() as (ledger, settings):
        ledger.check_disk()
        with ledger.read() as session:
            system = load_status(session, settings, system_clock(), ledger.storage.problem)
    found = [*marker_findings(open_state_dir(settings)), *find_findings(system)]
    findings = [finding for finding in found if finding.severity != "ok"]
    if as_json:
        print_json(asdict(system) | {"findings": [finding.model_dump(mode="json") for finding in findings]})
    else:
        _print_status(system, options.zone(settings))
        print_findings(findings)
    if findings:
        raise click.exceptions.Exit(1)


def _print_status(system: SystemStatus, zone: tzinfo) -> None:
    nps = system.responses_today
    seen = (
        "no worker"
        if system.worker_seen_at is None
        else f"newest heartbeat {format_age(system.at - system.worker_seen_at)}"
    )
    workers = pluralize(system.workers, "worker", "workers")
    click.echo(f"{format_time(system.at, zone)}, from the database only; {workers}, {seen}")
    score = "" if nps.score is None else f", NPS {nps.score:+.0f}{' (too few to judge)' if nps.too_small else ''}"
    surveys = f"{system.surveys_today} of {pluralize(system.surveys_per_day, 'survey', 'surveys')} sent"
    responses = pluralize(nps.responses, "response", "responses")
    click.echo(f"mode {system.mode}; today: {surveys}, {responses}{score}\n")
    rows = [_row(name, connection, system.at) for name, connection in system.connections.items()]
    print_table(COLUMNS, rows, empty="no connections", zone=zone)


def _row(name: str, connection: ConnectionStatus, now: datetime) -> tuple[object, ...]:
    oldest = min((rows.oldest_due_at for rows in connection.queues.values()), default=None)
    return (
        name,
        connection.state,
        _age(connection.last_event_at, now) if connection.events != "none" else None,
        _age(connection.last_success_at, now),
        sum(rows.due for rows in connection.queues.values()) or None,
        _age(oldest, now) if oldest is not None and oldest <= now else None,
        connection.deliveries.get("held") or None,
        connection.deliveries.get("dead") or None,
    )


def _age(moment: datetime | None, now: datetime) -> str | None:
    return None if moment is None else format_age(now - moment)


def print_findings(findings: list[Finding]) -> None:
    """Print findings with what to do about them, and their number."""
    for finding in findings:
        subject = f"{finding.subject}: " if finding.subject else ""
        click.echo(f"{MARKS[finding.severity]} {subject}{finding.text}  [{finding.id}]")
        if finding.fix:
            click.echo(f"    {finding.fix}")
    items = pluralize(len(findings), "item needs", "items need")
    click.echo(f"{items} attention" if findings else "nothing needs attention")
