"""Files for tests."""

from __future__ import annotations

from pathlib import Path

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import upgrade


def copy_database(template: Path, path: Path) -> None:
    """Put a copy of a SQLite file in place of another one, of which nothing is left."""
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    path.write_bytes(template.read_bytes())


def close_database(ledger: Ledger) -> None:
    """Close a ledger in such a way that its file alone holds everything, and can be copied."""
    with ledger.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    ledger.close()


def create_empty_database(path: Path) -> Path:
    """A file with the newest schema, to be copied."""
    ledger = Ledger(f"sqlite:///{path}")
    upgrade(ledger)
    close_database(ledger)
    return path
