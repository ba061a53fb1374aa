"""``nps-connect db create``."""

from __future__ import annotations

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json


@command
@click.option("--if-missing", is_flag=True, help="Succeed without a change if the database exists, as in containers.")
def create(options: Options, if_missing: bool, as_json: bool) -> None:
    """Create the database: the SQLite file, or the tables in an empty PostgreSQL database.

    An existing database is refused. No other command creates one, so that a missing file is never taken for a new one.
    """
    from nps_connect.app.application import create_database

    settings = options.load_settings()
    created = create_database(settings)
    if created:
        with options.open_ledger(writes=True) as (ledger, _), ledger.write() as session:
            audit_command(session, "database")
    if not created and not if_missing:
        raise CommandError("the database exists already; to upgrade its schema, run: nps-connect db upgrade")
    if as_json:
        print_json({"created": created})
    else:
        click.echo("Database created." if created else "The database exists already; nothing was changed.")
