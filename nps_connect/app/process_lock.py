"""One working process per SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from nps_connect.errors import ConfigError
from nps_connect.ledger.ledger import DATABASE_URL_KEY, Ledger


@contextmanager
def single_process_lock(ledger: Ledger) -> Iterator[None]:
    """Hold the file's lock while working; nothing to do on PostgreSQL. The lock ends with the process, however it ends.

    Raises:
        ConfigError: another process works on the file.
    """
    if ledger.file is None:
        yield
        return
    lock = FileLock(f"{ledger.file}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(
            f"another process works on {ledger.file.name} already",
            key=DATABASE_URL_KEY,
            fix="stop it first, or use PostgreSQL to work with several processes",
        ) from None
    try:
        yield
    finally:
        lock.release()
