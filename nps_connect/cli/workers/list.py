"""``nps-connect workers list``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import format_time, print_json, print_table


@click.command("list", cls=Command)
@json_option
@pass_options
def list_(options: Options, as_json: bool) -> None:
    """List the processes that live or were seen within a day, and the queues that they work on.

    A silent one is taken for dead: what it had begun is taken over by the others.
    """
    from nps_connect.connection import system_clock
    from nps_connect.ledger.workers import HEARTBEAT_TIMEOUT, load_workers

    with options.ledger() as (ledger, settings), ledger.read() as session:
        rows = load_workers(session)
    silent = system_clock() - HEARTBEAT_TIMEOUT
    told = [
        {
            "id": row.id,
            "role": row.role,
            "host": row.host,
            "pid": row.pid,
            "version": row.version,
            "started_at": row.started_at,
            "seen_at": row.seen_at,
            "alive": row.seen_at > silent,
            "doing": row.queues,
        }
        for row in rows
    ]
    if as_json:
        print_json(told)
        return
    zone = settings.core.zone
    print_table(
        ["role", "host", "pid", "version", "since", "seen", "doing"],
        [
            (
                row.role,
                row.host,
                row.pid,
                row.version,
                format_time(row.started_at, zone),
                format_time(row.seen_at, zone),
                (", ".join(row.queues) or "waiting") if row.seen_at > silent else "silent",
            )
            for row in rows
        ],
        empty="no process is at work; start one with: nps-connect run",
    )
