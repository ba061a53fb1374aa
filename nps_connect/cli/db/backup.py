"""``nps-connect db backup``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json

if TYPE_CHECKING:
    from nps_connect.ledger.ledger import Ledger


@command
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--recorded", is_flag=True, help="Only record that another tool has just made a backup.")
def backup(options: Options, file: Path | None, recorded: bool, as_json: bool) -> None:
    """Copy the SQLite database to a new FILE, also while it is in use. For PostgreSQL, print the command to use.

    FILE holds personal data: only its owner can read it. The state directory is not part of a backup. With --recorded,
    nothing is copied: run it after each backup by another tool, such as pg_dump, so that doctor knows its age.
    """
    from nps_connect.connection import system_clock
    from nps_connect.ledger.state_dir import open_state_dir
    from nps_connect.services.operations.backup import back_up, record_backup

    if (file is None) != recorded:
        raise click.UsageError("name the FILE to write, or pass --recorded")
    with options.open_ledger(writes=True) as (ledger, settings):
        if file is None:
            with ledger.write() as session:
                record_backup(session, system_clock())
                audit_command(session, "database")
            if as_json:
                print_json({"recorded": True})
            else:
                click.echo("Recorded: another tool has just made a backup. Nothing was copied.")
            return
        if not ledger.is_sqlite:
            raise CommandError(
                f"nothing was written: back a PostgreSQL database up with\n  {pg_dump_command(ledger, file)}"
            )
        back_up(ledger, open_state_dir(settings), file, system_clock())
        with ledger.write() as session:
            audit_command(session, "database")
    size = file.stat().st_size
    if as_json:
        print_json({"file": str(file), "bytes": size})
    else:
        click.echo(f"Backup written to {file} ({size / 1_000_000:.1f} MB). To use it: nps-connect db restore {file}")


def pg_dump_command(ledger: Ledger, file: Path) -> str:
    """Return the command that backs up the PostgreSQL database, without its password."""
    return f"pg_dump --format=custom --file={file} {_safe_url(ledger)}"


def pg_restore_commands(ledger: Ledger, file: Path) -> list[str]:
    """Return the commands that restore a PostgreSQL database into a new one, without its password."""
    url = ledger.engine.url
    return [
        "stop every nps-connect serve and worker",
        f"createdb {url.database}_restored",
        f"pg_restore --exit-on-error --dbname={_safe_url(ledger)}_restored {file}",
        "set core.database_url to the new database",
        "nps-connect db upgrade",
        "nps-connect db restored --journal FILE (state_dir/suppressions.log of each other host)",
        "start every nps-connect serve and worker",
    ]


def _safe_url(ledger: Ledger) -> str:
    return ledger.engine.url.set(drivername="postgresql", password=None).render_as_string()
