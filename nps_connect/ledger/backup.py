"""Copy a SQLite database while it is in use, check such a copy, and install it in the place of a database."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.database_errors import storage_error
from nps_connect.ledger.ledger import PRIVATE_FILE_MODE
from nps_connect.ledger.state_dir import sync_directory
from nps_connect.ledger.storage_health import DAMAGED, find_storage_problem

STAGED_SUFFIX = ".restoring"
ASIDE_SUFFIX = ".before-restore-"
WAL_SUFFIXES = ("-wal", "-shm")
MAX_REPORTED_PROBLEMS = 5


def copy_database(source: Path, target: Path, *, is_in_use: bool) -> None:
    """Copy a SQLite database to a new, whole and durable file that only its owner can read.

    Args:
        source: the database.
        target: the new file.
        is_in_use: processes may go on writing to the source, and the copy holds what was committed when it began; if
            not, the source and its directory are left as they are.

    Raises:
        NpsConnectError: the target exists, the source is no SQLite database, or the target cannot be written.
    """
    if target.exists():
        raise NpsConnectError(f"{target} exists already; nothing was written")
    partial = target.with_name(f"{target.name}.partial")
    try:
        with _new_file(partial):
            _copy(source, "rw" if is_in_use else _reading_mode(source), partial)
            partial.replace(target)
        sync_directory(target.parent)
    except sqlite3.Error as error:
        raise NpsConnectError(f"{source} cannot be copied: {error}") from None
    except OSError as error:
        raise NpsConnectError(f"{target} cannot be written ({error.strerror})") from None


def find_damage(path: Path) -> list[str]:
    """Return what is wrong with a SQLite database file: damaged pages, broken references; empty if nothing is.

    Raises:
        ConfigError: the file cannot be opened, or the disk is full or fails.
    """
    try:
        with closing(_connect(path, _reading_mode(path))) as connection:
            damage = [row[0] for row in connection.execute(f"PRAGMA integrity_check({MAX_REPORTED_PROBLEMS})")]
            references = connection.execute("PRAGMA foreign_key_check").fetchmany(MAX_REPORTED_PROBLEMS)
    except sqlite3.Error as error:
        problem = find_storage_problem(error)
        if problem is not None and problem is not DAMAGED:
            raise storage_error(problem) from None
        return [str(error)]
    problems = [
        f"row {row_id} of {table} refers to a missing row of {parent}" for table, row_id, parent, _ in references
    ]
    return [problem for problem in damage if problem != "ok"] + problems


def staged_file(database: Path) -> Path:
    """Return where a copy is prepared before it takes the place of a database."""
    return database.with_name(f"{database.name}{STAGED_SUFFIX}")


def install(staged: Path, database: Path, now: datetime) -> Path | None:
    """Move a prepared copy to the place of a database, which is moved aside and never deleted.

    After a crash at any step the database is the old one, is missing, or is the new one; a repetition completes it.

    Args:
        staged: the copy, without a write-ahead log.
        database: its future path.
        now: part of the name under which the old database is kept.

    Returns:
        The new path of the old database; None if there was none.
    """
    aside = Path(f"{database}{ASIDE_SUFFIX}{now:%Y%m%dT%H%M%SZ}")
    if database.exists():
        _copy_owner(database, staged)
    else:  # perhaps after a crash: a log that stayed behind belongs to the file that was moved last
        aside = max(database.parent.glob(f"{database.name}{ASIDE_SUFFIX}*Z"), default=aside)
    moved = None
    for suffix in ("", *WAL_SUFFIXES):  # the file first: without its log it would be an older state that looks whole
        with suppress(FileNotFoundError):
            path = Path(f"{database}{suffix}")
            is_empty_log = suffix == "-shm" or (suffix == "-wal" and not path.stat().st_size)  # readers leave such
            path.rename(f"{aside}{suffix}")
            moved = moved if is_empty_log else aside
    staged.rename(database)
    sync_directory(database.parent)
    return moved


def _copy_owner(database: Path, staged: Path) -> None:
    """Give the copy the owner and permissions of the database: an administrator may restore it for a service."""
    status = database.stat()
    staged.chmod(stat.S_IMODE(status.st_mode))
    with suppress(PermissionError):
        os.chown(staged, status.st_uid, status.st_gid)


@contextmanager
def _new_file(path: Path) -> Iterator[None]:
    """Create an empty private file, and delete it if the block fails."""
    for suffix in ("", "-journal", *WAL_SUFFIXES):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    path.touch(mode=PRIVATE_FILE_MODE)
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _copy(source: Path, mode: str, target: Path) -> None:
    with closing(_connect(source, mode)) as origin, closing(_connect(target, "rw")) as copy:
        origin.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, which can be read from a read-only medium
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reading_mode(path: Path) -> str:
    """Return how to open a file that nobody uses: without a log to be read, SQLite need not create files beside it."""
    return "ro" if Path(f"{path}-wal").exists() else "ro&immutable=1"


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode={mode}", uri=True, timeout=30)
