"""The lock that allows one working process per SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from nps_connect.errors import ConfigError
from nps_connect.ledger.ledger import DATABASE_URL_KEY, Ledger


@contextmanager
def single_process_lock(ledger: Ledger) -> Iterator[None]:
    """Hold the lock of the SQLite file until the end of the block; without effect on PostgreSQL.

    The operating system releases the lock when the process ends, even after a crash.

    Raises:
        ConfigError: another process holds it.
    """
    if ledger.file is None:
        yield
        return
    lock = FileLock(f"{ledger.file}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(
            f"another process is already using {ledger.file.name}",
            key=DATABASE_URL_KEY,
            fix="stop it first, or use PostgreSQL for several processes",
        ) from None
    try:
        yield
    finally:
        lock.release()
