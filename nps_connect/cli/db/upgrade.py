"""``nps-connect db upgrade``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import print_json


@click.command(cls=Command)
@json_option
@pass_options
def upgrade(options: Options, as_json: bool) -> None:
    """Create the database's tables, or bring them up to date. Twice is harmless."""
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.ledger.schema import upgrade as bring_up_to_date

    ledger = Ledger(options.settings().core.database_url.get_secret_value())
    try:
        before, after = bring_up_to_date(ledger)
    finally:
        ledger.close()
    if as_json:
        print_json({"before": before, "after": after, "changed": before != after})
    elif before == after:
        click.echo(f"The database has schema {after} already.")
    else:
        click.echo(f"The database has schema {after} now; before: {before or 'empty'}.")
