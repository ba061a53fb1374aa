"""SQLite database files for tests."""

from __future__ import annotations

from pathlib import Path

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create


def copy_database(template: Path, path: Path) -> None:
    """Replace a SQLite database, including its WAL files, by a copy of another file."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(template.read_bytes())


def close_database(ledger: Ledger) -> None:
    """Close a ledger and merge its WAL into the main file, which can then be copied."""
    with ledger.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    ledger.close()


def create_empty_database(path: Path) -> Path:
    """Create a database file with the newest schema, as a template for copies."""
    ledger = Ledger(f"sqlite:///{path}", create=True)
    create(ledger)
    close_database(ledger)
    return path
