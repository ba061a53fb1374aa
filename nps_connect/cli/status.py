"""``nps-connect status``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from sqlalchemy import make_url

from nps_connect.cli._support.deadline import ask_database
from nps_connect.cli._support.findings_output import print_findings
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import format_age, format_time, pluralize, print_fields, print_json, print_table
from nps_connect.errors import ConfigError

if TYPE_CHECKING:
    from nps_connect.services.operations.connection_status import ConnectionStatus
    from nps_connect.services.operations.status import SystemStatus
    from nps_connect.settings.model import Settings

WATCH_INTERVAL_SECONDS = 5.0
LOCK_TIMEOUT_SECONDS = 1.0
"""How long to wait for a locked or distant database."""

STATUS_DEADLINE_SECONDS = 2.0
"""How long a database server may take: with the start of the command, an answer comes within 3 s."""

COLUMNS = ("connection", "state", "last event", "last success", "last error", "due", "oldest", "held", "dead")


@command
@click.option("--watch", is_flag=True, help="Show it again every few seconds, until Ctrl-C.")
def status(options: Options, watch: bool, as_json: bool) -> None:
    """Show each connection, what waits, what needs attention, and today's figures. Reads the database only.

    Exit code 1 if something needs attention, or if the database cannot be read: then it shows what this host knows.
    """
    show = partial(_show_status, options, as_json=as_json)
    if watch:
        show_repeatedly(show, time.sleep)
    elif not show():
        raise click.exceptions.Exit(1)


def show_repeatedly(show: Callable[[], object], sleep: Callable[[float], object]) -> None:
    """Call a function again and again on a cleared screen; ends only by an exception, such as Ctrl-C."""
    while True:
        if sys.stdout.isatty():
            click.clear()
        show()
        sleep(WATCH_INTERVAL_SECONDS)


def _show_status(options: Options, *, as_json: bool) -> bool:
    """Show the status once; return whether nothing needs attention."""
    from nps_connect.ledger.state_dir import open_state_dir
    from nps_connect.services.operations.ledger_findings import find_findings
    from nps_connect.services.operations.operator_pauses import marker_findings

    settings = options.load_settings(needs_secrets=False)
    try:
        url = settings.core.database_url.get_secret_value()
        system = ask_database(url, STATUS_DEADLINE_SECONDS, partial(_load, options))
    except ConfigError as error:
        _show_host(settings, error, as_json=as_json)
        return False

    marker = marker_findings(open_state_dir(settings))
    findings = [finding for finding in [*marker, *find_findings(system)] if finding.severity != "ok"]
    if as_json:
        print_json(asdict(system) | {"findings": [finding.model_dump(mode="json") for finding in findings]})
    else:
        _print_status(system, options.zone(settings))
        print_findings(findings)
        items = pluralize(len(findings), "item needs", "items need")
        click.echo(f"{items} attention" if findings else "nothing needs attention")
    return not findings


def _load(options: Options) -> SystemStatus:
    from nps_connect.connection import system_clock
    from nps_connect.services.operations.status import load_status

    with options.open_ledger(timeout_seconds=LOCK_TIMEOUT_SECONDS) as (ledger, settings):
        ledger.check_disk()
        with ledger.read() as session:
            return load_status(session, settings, system_clock(), ledger.storage.problem)


def _show_host(settings: Settings, error: ConfigError, *, as_json: bool) -> None:
    """Show what this host knows without the database."""
    from nps_connect.connection import system_clock
    from nps_connect.ledger.host_facts import load_host_facts

    database = make_url(settings.core.database_url.get_secret_value())
    is_file = database.drivername == "sqlite" and database.database is not None
    facts = load_host_facts(settings, Path(database.database or "") if is_file else None)
    if as_json:
        last_error = None if facts.last_error is None else facts.last_error._asdict()
        host = asdict(facts) | {"last_error": last_error}
        print_json({"database_problem": error.problem, "fix": error.fix, "host": host})
        return
    click.echo(f"Error: {error.problem}; {error.fix}" if error.fix else f"Error: {error.problem}", err=True)
    free = None if facts.disk_free_bytes is None else f"{facts.disk_free_bytes / 1e9:.1f} GB free"
    marker = None if facts.pause_marker is None else f"customer mail of this host, by {facts.pause_marker}"
    holder = None if facts.lock_holder is None else f"process {facts.lock_holder}"
    click.echo("from this host only; the database could not be read")
    logged = None
    if facts.last_error is not None:
        logged = f"{format_age(system_clock() - facts.last_error.at)}: {facts.last_error.text}"
    print_fields({"paused": marker, "database in use by": holder, "disk": free, "last logged error": logged})


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
    from nps_connect.ledger.queue_figures import format_counts

    due_counts = [rows.due for rows in connection.queues.values()]
    oldest = min((rows.oldest_due_at for rows in connection.queues.values()), default=None)
    return (
        name,
        connection.state,
        _age(connection.last_event_at, now) if connection.events != "none" else None,
        _age(connection.last_success_at, now),
        _age(connection.last_error.since, now) if connection.last_error else None,
        format_counts(due_counts) if any(due_counts) else None,
        _age(oldest, now) if oldest is not None and oldest <= now else None,
        connection.deliveries.get("held") or None,
        connection.deliveries.get("dead") or None,
    )


def _age(moment: datetime | None, now: datetime) -> str | None:
    return None if moment is None else format_age(now - moment)
