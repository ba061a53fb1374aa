"""``nps-connect db copy``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import print_json, print_table


@click.command(cls=Command)
@click.option(
    "--to",
    "target",
    envvar="NPS_CONNECT_COPY_TO",
    show_envvar=True,
    required=True,
    metavar="URL",
    help="The other database, such as postgresql://user@host/name; its password is best kept in the variable.",
)
@json_option
@pass_options
def copy(options: Options, target: str, as_json: bool) -> None:
    """Copy everything into another, empty database, and compare counts and sums.

    Stop the product first: nobody may work meanwhile. The other database gets its tables by this command; the
    configuration is not changed. If anything differs afterwards, nothing is kept there.
    """
    from nps_connect.app.process_lock import single_process_lock
    from nps_connect.ledger.copy_ledger import copy_ledger as copy_all
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.ledger.schema import upgrade

    def tell(table: str, rows: int) -> None:
        if not as_json:
            click.echo(f"\r{table}: {rows}", nl=False, err=True)

    other = Ledger(target)
    try:
        with options.ledger() as (ledger, _settings), single_process_lock(ledger):
            upgrade(other)
            copied = list(copy_all(ledger, other, tell))
    finally:
        other.close()
    if as_json:
        print_json([{"table": one.table, "rows": one.rows, "equal": one.equal} for one in copied])
        return
    click.echo("", err=True)
    print_table(["table", "rows"], [(one.table, one.rows) for one in copied], empty="no tables")
    click.echo("Counts and sums are the same. Now set core.database_url to the new address and start the product.")
