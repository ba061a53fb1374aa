"""``nps-connect workers show``."""

from __future__ import annotations

import click

from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.names import require_name
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_fields, print_json
from nps_connect.cli.workers.list import worker_json


@command
@click.argument("worker_id", metavar="ID", shell_complete=complete_id("workers.WorkerRow"))
def show(options: Options, worker_id: str, as_json: bool) -> None:
    """Show one process: where it runs, what it works on, and whether its configuration is that of the file."""
    from nps_connect.connection import system_clock
    from nps_connect.ledger.workers import load_workers

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        rows = {row.id: row for row in load_workers(session)}
    row = rows[require_name(worker_id, rows, "process")]
    details = worker_json(row, settings, system_clock())
    if as_json:
        print_json(details)
    else:
        print_fields(details, options.zone(settings))
