"""``nps-connect workers list``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, print_list

if TYPE_CHECKING:
    from nps_connect.ledger.workers import WorkerRow
    from nps_connect.settings.model import Settings

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
    from nps_connect.ledger.workers import load_workers

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        rows = load_workers(session)
    processes = [worker_json(row, settings, system_clock()) for row in rows]
    print_list(
        processes,
        COLUMNS,
        empty="no running process; start one with: nps-connect run",
        as_json=as_json,
        zone=options.zone(settings),
    )


def worker_json(row: WorkerRow, settings: Settings, now: datetime) -> dict[str, Any]:
    """Return a process for ``--json``."""
    from nps_connect.ledger.workers import HEARTBEAT_TIMEOUT
    from nps_connect.settings.effective import fingerprint

    names = ("id", "role", "host", "pid", "version", "started_at", "seen_at", "queues", "config_fingerprint")
    is_known = row.config_fingerprint is not None
    return attributes(row, *names) | {
        "alive": row.seen_at > now - HEARTBEAT_TIMEOUT,
        "config_current": row.config_fingerprint == fingerprint(settings) if is_known else None,
    }
