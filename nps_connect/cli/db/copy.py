"""``nps-connect db copy``."""

from __future__ import annotations

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json, print_table
from nps_connect.cli._support.progress import progress_bar


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
    from nps_connect.ledger.copy_ledger import copy_ledger
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.ledger.process_lock import single_process_lock
    from nps_connect.ledger.schema import create, require_current_schema

    rows_by_table: dict[str, int] = {}
    target_ledger = Ledger(target, create=True)
    try:
        with options.open_ledger(writes=True) as (ledger, _settings), single_process_lock(ledger):
            create(target_ledger)
            require_current_schema(target_ledger)
            with progress_bar("copying rows", hidden=as_json) as update_progress:

                def report_progress(table: str, rows: int) -> None:
                    rows_by_table[table] = rows
                    update_progress(sum(rows_by_table.values()), None)

                tables = list(copy_ledger(ledger, target_ledger, report_progress))
            with target_ledger.write() as session:
                audit_command(session, "database")
    finally:
        target_ledger.close()
    if as_json:
        rows = [{"table": copied.table, "rows": copied.rows, "equal": copied.equal} for copied in tables]
        print_json({"items": rows, "next_cursor": None})
        return
    print_table(["table", "rows"], [(copied.table, copied.rows) for copied in tables], empty="no tables")
    click.echo("Row counts and column sums match. Set core.database_url to the new database, then start the processes.")
