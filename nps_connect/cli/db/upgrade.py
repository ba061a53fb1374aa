"""``nps-connect db upgrade``."""

from __future__ import annotations

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json


@command
def upgrade(options: Options, as_json: bool) -> None:
    """Upgrade the schema of the database to the current version. Idempotent. Never creates a database."""
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.ledger.schema import upgrade as upgrade_schema

    ledger = Ledger(options.load_settings(needs_secrets=False).core.database_url.get_secret_value())
    try:
        before, after = upgrade_schema(ledger)
        if before != after:
            with ledger.write() as session:
                audit_command(session, f"schema {before} to {after}")
    finally:
        ledger.close()
    if as_json:
        print_json({"before": before, "after": after, "changed": before != after})
    elif before == after:
        click.echo(f"Schema is up to date: {after}.")
    else:
        click.echo(f"Schema upgraded: {before} -> {after}.")
