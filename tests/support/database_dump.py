"""Everything that a database holds: the bytes of its files, or every value of every table."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from nps_connect.ledger.ledger import Ledger


def dump_database(ledger: Ledger) -> bytes:
    """Return the file with its write-ahead log on SQLite, all rows of all tables on PostgreSQL, in lower case.

    Where the log was in use when an erasure wanted to empty it, a heartbeat tries again; here this is done first.
    """
    if ledger.file is not None:
        if ledger.holds_erased_log:
            ledger.checkpoint()
        files = (Path(f"{ledger.file}{suffix}") for suffix in ("", "-wal"))
        return b"".join(file.read_bytes() for file in files if file.exists()).lower()
    rows: list[str] = []
    with ledger.engine.connect() as connection:
        names = connection.execute(text("SELECT table_name, table_schema FROM information_schema.tables"))
        tables = [name for name, schema in names if schema == "public"]
        for table in tables:
            for row in connection.execute(text(f'SELECT * FROM "{table}"')):
                rows += [
                    value.decode(errors="replace") if isinstance(value, bytes) else str(value)
                    for value in row
                    if value is not None
                ]
    return "\n".join(rows).lower().encode()


def find_texts(ledger: Ledger, *texts: str) -> list[str]:
    """Return which of these texts are anywhere in the database, in any case of their letters."""
    content = dump_database(ledger)
    return [wanted for wanted in texts if wanted.lower().encode() in content]
