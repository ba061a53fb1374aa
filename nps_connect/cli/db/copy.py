"""``nps-connect db copy``."""

from __future__ import annotations

import click

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json, print_table


@command
@click.option(
    "--to",
    "target",
    envvar="NPS_CONNECT_COPY_TO",
    show_envvar=True,
    required=True,
    metavar="URL",
    help="The target database, such as postgresql://user@host/name; use the variable for URLs with a password.",
)
def copy(options: Options, target: str, as_json: bool) -> None:
    """Copy all data to another, empty database, and verify row counts and column sums.

    Stop all processes first. The tables are created in the target; the configuration is not changed. If the
    verification fails, the target stays empty.
    """
    from nps_connect.app.process_lock import single_process_lock
    from nps_connect.ledger.copy_ledger import copy_ledger
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.ledger.schema import create, require_current_schema

    def print_progress(table: str, rows: int) -> None:
        if not as_json:
            click.echo(f"\r{table}: {rows}", nl=False, err=True)

    target_ledger = Ledger(target, create=True)
    try:
        with options.open_ledger() as (ledger, _settings), single_process_lock(ledger):
            create(target_ledger)
            require_current_schema(target_ledger)
            tables = list(copy_ledger(ledger, target_ledger, print_progress))
    finally:
        target_ledger.close()
    if as_json:
        print_json([{"table": copied.table, "rows": copied.rows, "equal": copied.equal} for copied in tables])
        return
    click.echo("", err=True)
    print_table(["table", "rows"], [(copied.table, copied.rows) for copied in tables], empty="no tables")
    click.echo("Row counts and column sums match. Set core.database_url to the new database, then start the processes.")
