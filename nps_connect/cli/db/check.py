"""``nps-connect db check``."""

from __future__ import annotations

import sys

import click

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json


@command
def check(options: Options, as_json: bool) -> None:
    """Check that the database is whole, has the current schema and is the newest one that this host has seen.

    Changes nothing. SQLite reads the whole file. Exit code 1 if there is a problem.
    """
    from nps_connect.app.application import open_ledger, open_state_dir
    from nps_connect.services.operations.backup import find_problems

    settings = options.load_settings()
    ledger = open_ledger(settings)
    try:
        problems = find_problems(ledger, open_state_dir(settings))
    finally:
        ledger.close()
    if as_json:
        print_json({"ok": not problems, "problems": problems})
    else:
        click.echo("\n".join(problems) if problems else "The database is whole and the newest of this host.")
    if problems:
        sys.exit(1)
