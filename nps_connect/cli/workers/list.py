"""``nps-connect workers list``."""

from __future__ import annotations

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, print_list

COLUMNS = {
    "id": "id",
    "role": "role",
    "host": "host",
    "pid": "pid",
    "version": "version",
    "config": lambda row: {True: "current", False: "other", None: "unknown"}[row["config_current"]],
    "started": "started_at",
    "last seen": "seen_at",
    "queues": lambda row: (", ".join(row["queues"]) or "idle") if row["alive"] else "no heartbeat",
}


@command
def list_(options: Options, as_json: bool) -> None:
    """List processes seen within the last day, and the queues they are working on.

    "config" compares the configuration of each process with the file that this command reads: "other" runs an older or
    another one, and loads the file when it gets SIGHUP or restarts.

    A process without a recent heartbeat is considered dead; other processes recover its deliveries.
    """
    from nps_connect.connection import system_clock
    from nps_connect.ledger.workers import HEARTBEAT_TIMEOUT, load_workers
    from nps_connect.settings.effective import fingerprint

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        rows = load_workers(session)
    alive_since, current = system_clock() - HEARTBEAT_TIMEOUT, fingerprint(settings)
    names = ("id", "role", "host", "pid", "version", "started_at", "seen_at", "queues", "config_fingerprint")
    processes = [
        attributes(row, *names)
        | {
            "alive": row.seen_at > alive_since,
            "config_current": None if row.config_fingerprint is None else row.config_fingerprint == current,
        }
        for row in rows
    ]
    print_list(
        processes,
        COLUMNS,
        empty="no running process; start one with: nps-connect run",
        as_json=as_json,
        zone=options.zone(settings),
    )
