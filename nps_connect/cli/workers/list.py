"""``nps-connect workers list``."""

from __future__ import annotations

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import format_time, print_json, print_table


@command
def list_(options: Options, as_json: bool) -> None:
    """List processes seen within the last day, and the queues they are working on.

    A process without a recent heartbeat is considered dead; other processes recover its deliveries.
    """
    from nps_connect.connection import system_clock
    from nps_connect.ledger.workers import HEARTBEAT_TIMEOUT, load_workers

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        rows = load_workers(session)
    alive_since = system_clock() - HEARTBEAT_TIMEOUT
    processes = [
        {
            "id": row.id,
            "role": row.role,
            "host": row.host,
            "pid": row.pid,
            "version": row.version,
            "started_at": row.started_at,
            "seen_at": row.seen_at,
            "alive": row.seen_at > alive_since,
            "queues": row.queues,
        }
        for row in rows
    ]
    if as_json:
        print_json(processes)
        return
    zone = settings.core.zone
    print_table(
        ["role", "host", "pid", "version", "started", "last seen", "queues"],
        [
            (
                row.role,
                row.host,
                row.pid,
                row.version,
                format_time(row.started_at, zone),
                format_time(row.seen_at, zone),
                (", ".join(row.queues) or "idle") if row.seen_at > alive_since else "no heartbeat",
            )
            for row in rows
        ],
        empty="no running process; start one with: nps-connect run",
    )
