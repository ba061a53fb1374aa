"""``nps-connect db restore``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command, yes_option
from nps_connect.cli.db.backup import pg_restore_commands
from nps_connect.cli.db.restored import print_report


@command
@click.argument("file", type=click.Path(path_type=Path))
@yes_option
def restore(options: Options, file: Path, yes: bool, as_json: bool) -> None:
    """Install a backup FILE in the place of the SQLite database, then do what db restored does.

    FILE is checked first. The present database is moved aside and never deleted. For PostgreSQL, print the steps.
    """
    from nps_connect.app.application import open_ledger
    from nps_connect.connection import system_clock
    from nps_connect.ledger.audit_log import record_audit
    from nps_connect.ledger.backup import install
    from nps_connect.ledger.process_lock import lock_file
    from nps_connect.ledger.state_dir import open_state_dir
    from nps_connect.services.operations.backup import stage_backup
    from nps_connect.services.operations.restored import mark_restored

    settings = options.load_checked().settings
    ledger, state_dir = open_ledger(settings), open_state_dir(settings)
    if ledger.file is None or state_dir is None:
        steps = "\n".join(f"  {number}. {step}" for number, step in enumerate(pg_restore_commands(ledger, file), 1))
        raise CommandError(f"nothing was changed: restore a PostgreSQL database with these steps\n{steps}")
    database = ledger.file.resolve()
    with ExitStack() as locks:
        if database.exists():
            locks.enter_context(lock_file(database))
        confirm(f"Replace {database} by {file}? The present database is moved aside.", yes=yes)
        staged = stage_backup(file, database, state_dir, system_clock())
        locks.enter_context(lock_file(staged))
        aside = install(staged, database, system_clock())
        with options.open_application() as application:
            report = mark_restored(application.ctx, taken_at=None, journals=())
            with application.ctx.ledger.write() as session:
                record_audit(session, current_actor(), "db restore", "database", now=report.restored_at)
    moved = str(aside) if aside is not None else None
    if moved and not as_json:
        click.echo(f"The previous database is now {moved}.")
    print_report(report, options.zone(settings), as_json=as_json, previous=moved)
