"""The lock that allows one working process per SQLite file."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nps_connect.errors import ConfigError
from nps_connect.ledger.database_errors import DATABASE_URL_KEY, storage_error
from nps_connect.ledger.host_facts import find_lock_holder
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.storage_health import READ_ONLY


@contextmanager
def single_process_lock(ledger: Ledger) -> Iterator[None]:
    """Hold the lock of the SQLite file until the end of the block; without effect on PostgreSQL.

    Closes the ledger's pooled connections at the end.

    Raises:
        ConfigError: another process holds it.
    """
    if ledger.file is None:
        yield
        return
    with lock_file(ledger.file):
        try:
            yield
        finally:
            ledger.close()  # before the lock's descriptor: closing that ends the POSIX locks of SQLite on the file too


@contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Hold the lock of an existing database file until the end of the block.

    It belongs to the file itself (`flock`), not to a path beside it: by a symbolic or hard link it is the same lock,
    and there is no lock file that could be deleted. It follows a renamed file, and ends with the process.

    Raises:
        ConfigError: another process holds it, or this user may not write the file.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise storage_error(READ_ONLY) from None
        raise
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = find_lock_holder(path)
            process = f" (pid {holder})" if holder is not None else ""
            raise ConfigError(
                f"another process is already using {path.name}",
                key=DATABASE_URL_KEY,
                fix=f"stop it first{process}, or use PostgreSQL for several processes",
            ) from None
        yield
    finally:
        os.close(descriptor)
