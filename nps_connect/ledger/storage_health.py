"""The health of the database's storage, as its errors show it: disk full or failing, file damaged or not usable."""

from __future__ import annotations

import errno
import logging
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

log = logging.getLogger(__name__)

LOG_INTERVAL_SECONDS = 60.0
"""A problem is logged once in this period, however many statements fail."""

RECOVERY_SECONDS = 7.0
"""A problem is over when a write succeeds so long after the last failure (on a full disk, small writes may succeed):
longer than a failed queue waits, shorter than the pause between two heartbeats."""


DISK_PROBE_BYTES = 65_536
"""So much must be free: the log and the file of a busy database grow by more within seconds."""


class StorageProblem(NamedTuple):
    """Why the database cannot be used, without names of hosts and files: anybody may read it.

    Attributes:
        text: what is wrong.
        fix: what the operator does.
        is_lasting: writes that succeed do not end it.
    """

    text: str
    fix: str
    is_lasting: bool = False


DISK_FULL = StorageProblem(
    "the disk of the database is full", "free disk space; nothing is lost, and everything that waits goes on by itself"
)
DISK_FAILING = StorageProblem(
    "the disk of the database is full or failing",
    "check free space, quota and health of the disk; nothing is lost, and everything that waits goes on by itself",
)
LOCKED = StorageProblem(
    "the database is locked by another process",
    "wait until it ends, or end it: fuser -v on the database file names it; nothing is lost meanwhile",
)
READ_ONLY = StorageProblem(
    "the database is read-only for this user",
    "run the command as the user of nps-connect, or make the file and its folder writable for this user",
)
READ_ONLY_SERVER = StorageProblem(
    "the database is read-only: the server is a standby, or its transactions are set to read-only",
    "set core.database_url to the primary server",
)
INACCESSIBLE = StorageProblem(
    "the database file cannot be opened",
    "check its path, and that this user may read and write the file and its folder",
)
DAMAGED = StorageProblem(
    "the database is damaged",
    "stop nps-connect and install the newest backup: nps-connect db restore FILE (see docs/backup.md)",
    is_lasting=True,
)

_BY_SQLITE_CODE = {
    sqlite3.SQLITE_FULL: DISK_FULL,
    sqlite3.SQLITE_IOERR: DISK_FAILING,  # also a disk quota, and a full disk on which the log's index cannot grow
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: INACCESSIBLE,
    sqlite3.SQLITE_PERM: INACCESSIBLE,
}
_BY_ERRNO = {
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: DISK_FAILING,
    errno.EFBIG: DISK_FAILING,
    errno.EIO: DISK_FAILING,
}
_BY_SQLSTATE = {
    "53100": DISK_FULL,
    "58030": DISK_FAILING,
    "XX001": DAMAGED,
    "XX002": DAMAGED,
    "25006": READ_ONLY_SERVER,
}
"""PostgreSQL: disk_full, io_error, data_corrupted, index_corrupted, read_only_sql_transaction."""


def find_storage_problem(error: BaseException | None) -> StorageProblem | None:
    """Return what an error of SQLite, psycopg or SQLAlchemy says about the storage; None if nothing."""
    cause: Any = getattr(error, "orig", error)
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        return _BY_SQLITE_CODE.get(code & 0xFF)  # the low byte of an extended code is the primary one
    return _BY_SQLSTATE.get(getattr(cause, "sqlstate", None) or "")


class StorageHealth:
    """What the last statements of this process showed.

    Args:
        monotonic: source of elapsed time, in seconds.

    Attributes:
        problem: what is wrong; None if nothing is known.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.problem: StorageProblem | None = None
        self._monotonic = monotonic
        self._failed_at = self._logged_at = float("-inf")

    def record_failure(self, error: Exception) -> None:
        """Record a failed statement, if the storage is the reason."""
        problem = find_storage_problem(error)
        if problem is not None:
            self._record(problem)

    def check_disk(self, directory: Path) -> None:
        """Write a file without a name to a directory, which is gone afterwards, and record whether the disk refuses it.

        A directory in which this process may not create files says nothing about its disk.
        """
        try:
            with tempfile.TemporaryFile(dir=directory, buffering=0) as probe:
                if probe.write(bytes(DISK_PROBE_BYTES)) < DISK_PROBE_BYTES:  # the rest did not fit
                    self._record(DISK_FULL)
        except OSError as error:
            problem = _BY_ERRNO.get(error.errno or 0)
            if problem is not None:
                self._record(problem)

    def record_write(self) -> None:
        """Record a transaction that was committed, which ends a problem; log both its start and its end."""
        problem = self.problem
        if problem is None or problem.is_lasting or self._monotonic() - self._failed_at < RECOVERY_SECONDS:
            return
        if self._logged_at == float("-inf"):  # it ended before the next heartbeat
            self.log_problem()
        self.problem, self._logged_at = None, float("-inf")
        log.info('database_usable_again after="%s"', problem.text)

    def log_problem(self) -> None:
        """Log the problem once a minute, for a process that goes on."""
        now, problem = self._monotonic(), self.problem
        if problem is not None and now - self._logged_at >= LOG_INTERVAL_SECONDS:
            self._logged_at = now
            kind = "database-damaged" if problem is DAMAGED else "storage-failing"
            log.error('database_unusable reason="%s" finding=%s; %s', problem.text, kind, problem.fix)

    def _record(self, problem: StorageProblem) -> None:
        self.problem, self._failed_at = problem, self._monotonic()
