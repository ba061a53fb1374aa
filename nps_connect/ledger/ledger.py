"""`Ledger`: the database, with short read and write transactions."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from pydantic_core import from_json
from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from nps_connect.errors import ConfigError
from nps_connect.ledger.database_errors import DATABASE_URL_KEY, database_error, storage_error
from nps_connect.ledger.postgres_engine import build_postgres_engine
from nps_connect.ledger.storage_health import StorageHealth, find_storage_problem
from nps_connect.settings.database_url import check_database_url

__all__ = ["DATABASE_URL_KEY", "MISSING_DATABASE_FIX", "PRIVATE_FILE_MODE", "FairLock", "Ledger"]

MISSING_DATABASE_FIX = (
    "to restore a backup, run: nps-connect db restore FILE; for a new database: nps-connect db create"
)

LOCK_TIMEOUT_SECONDS = 30.0

PRIVATE_FILE_MODE = 0o600
"""Database, backups and journal hold personal data: only their owner can read them."""

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",  # what is erased is overwritten, also in copies of the file
    "cache_size=-4000",  # KiB per connection: twice SQLite's default, within the memory budget
    "wal_autocheckpoint=8000",  # pages (32 MB): pages that change often reach the main file once per checkpoint
)


class FairLock:
    """First come, first served; `threading.Lock` has no order, so that a busy worker could starve a web request.

    Not reentrant.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiters: deque[tuple[int, threading.Lock]] = deque()
        self._holder: int | None = None

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Wait for the lock, and hold it until the end of the block.

        Raises:
            RuntimeError: this thread holds it already.
        """
        thread_id, granted = threading.get_ident(), threading.Lock()
        with self._lock:
            if self._holder == thread_id:
                raise RuntimeError("this thread holds the lock already: a write within a write")
            if self._holder is None:
                self._holder = thread_id
            else:
                granted.acquire()
                self._waiters.append((thread_id, granted))
        granted.acquire()  # waits until the thread before this one releases it
        try:
            yield
        finally:
            with self._lock:
                self._holder, next_granted = self._waiters.popleft() if self._waiters else (None, None)
            if next_granted is not None:
                next_granted.release()


class Ledger:
    """The source of truth, on SQLite or PostgreSQL.

    Args:
        url: ``sqlite:///file.db`` or ``postgresql://user@host/name``.
        create: create a missing SQLite file; without it a missing file is an error, never an empty database.
        read_only: write nothing, and need no write access to the SQLite file and its folder.
        timeout_seconds: how long to wait for the lock of the SQLite file, and for a connection to PostgreSQL (there 2 s
            at least); None means 30 s for a lock, and 10 s or what the address says for a connection.

    Attributes:
        storage: what is known of the disk and the file.
    """

    def __init__(
        self, url: str, *, create: bool = False, read_only: bool = False, timeout_seconds: float | None = None
    ) -> None:
        self.engine = _engine(url, create=create, read_only=read_only, timeout_seconds=timeout_seconds)
        self.storage = StorageHealth()
        self._creates_file = create
        self._file_id: tuple[int, int] | None = None
        self._immediate = self.engine.execution_options(immediate=True)
        self._write_lock = FairLock() if self.is_sqlite else None
        self.holds_erased_log = False

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite, on which only one process may work."""
        return self.engine.dialect.name == "sqlite"

    @property
    def file(self) -> Path | None:
        """The database file; None for PostgreSQL or an in-memory database."""
        name = self.engine.url.database
        return Path(name) if self.is_sqlite and name and name != ":memory:" else None

    @property
    def libpq_url(self) -> str:
        """The PostgreSQL address for libpq. It contains the password: never print it."""
        return self.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session for reading; changes are rolled back."""
        try:
            with Session(self.engine, expire_on_commit=False) as session:
                yield session
        except DBAPIError as error:
            self.storage.record_failure(error)
            raise

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open one short transaction: committed at the end of the block, rolled back on any exception.

        On SQLite the writers of this process wait for a fair lock before ``BEGIN IMMEDIATE``.
        """
        turn = self._write_lock.hold() if self._write_lock is not None else nullcontext()
        try:
            with turn, Session(self._immediate, expire_on_commit=False) as session, session.begin():
                held_erased_log = self.holds_erased_log
                yield session
        except DBAPIError as error:
            self.storage.record_failure(error)
            raise
        if self.storage.problem is not None:
            self.storage.record_write()
        if self.holds_erased_log and not held_erased_log:
            with suppress(sqlite3.Error):  # committed is committed; the next heartbeat tries again
                self.checkpoint()

    def ping(self, *, writes: bool = False) -> None:
        """Check that the database answers; with `writes` also that a transaction can write.

        Raises:
            ConfigError: it is missing, damaged or cannot be reached; the text holds the reason, never the password.
        """
        self.require_same_file()
        try:
            with self.write() if writes else self.read() as session:
                session.execute(text("PRAGMA schema_version" if self.is_sqlite else "SELECT 1"))  # reads the file
        except DBAPIError as error:
            if find_storage_problem(error) is not None:
                self.check_disk()  # on a full disk SQLite has many errors
                if self.storage.problem is not None:
                    raise storage_error(self.storage.problem) from None
            raise database_error(error) from None

    def require_same_file(self) -> None:
        """Check that the SQLite file exists and is still the one that was opened first.

        Raises:
            ConfigError: it was never there, or was deleted or replaced meanwhile; names what to do.
        """
        if self.file is None or self._creates_file:
            return
        try:
            status = self.file.stat()
        except FileNotFoundError:
            state = "does not exist" if self._file_id is None else "was deleted while in use"
            raise ConfigError(
                f"the database file {self.file} {state}", key=DATABASE_URL_KEY, fix=MISSING_DATABASE_FIX
            ) from None
        file_id = status.st_dev, status.st_ino
        self._file_id = self._file_id or file_id
        if self._file_id != file_id:
            raise ConfigError(
                f"the database file {self.file} was replaced while in use",
                key=DATABASE_URL_KEY,
                fix="restart the process; to install a backup, run: nps-connect db restore FILE",
            )

    def truncate_wal(self) -> None:
        """Empty SQLite's write-ahead log, which holds what was erased, after this transaction or at a heartbeat."""
        self.holds_erased_log = self.is_sqlite

    def checkpoint(self) -> None:
        """Move SQLite's write-ahead log into the main file and empty it, unless it is in use: a copy is whole then."""
        if not self.is_sqlite:
            return
        with self.engine.connect() as connection:
            driver = cast("sqlite3.Connection", connection.connection.driver_connection)
            [(timeout,)] = driver.execute("PRAGMA busy_timeout")
            driver.execute("PRAGMA busy_timeout=0")
            try:
                [(is_busy, _, _)] = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                self.storage.record_failure(error)
                raise
            finally:
                driver.execute(f"PRAGMA busy_timeout={timeout}")
        self.holds_erased_log &= bool(is_busy)

    def check_disk(self) -> None:
        """Record whether the disk of the SQLite file is full: a statement notices it only when a file must grow."""
        if self.file is not None:
            self.storage.check_disk(self.file.parent)

    def close(self) -> None:
        """Close pooled connections."""
        self.engine.dispose()
        self._file_id = None


def _engine(url: str, *, create: bool, read_only: bool, timeout_seconds: float | None) -> Engine:
    try:
        check_database_url(url)
    except ValueError as error:
        raise ConfigError(str(error), key=DATABASE_URL_KEY) from None
    parsed = make_url(url)
    if parsed.drivername == "sqlite":
        return _sqlite(
            parsed, create=create, read_only=read_only, timeout_seconds=timeout_seconds or LOCK_TIMEOUT_SECONDS
        )
    return build_postgres_engine(parsed.set(drivername="postgresql+psycopg"), timeout_seconds)


def _sqlite(url: Any, *, create: bool, read_only: bool, timeout_seconds: float) -> Engine:  # noqa: ANN401
    arguments = {"timeout": timeout_seconds, "check_same_thread": False}
    engine = create_engine(url, connect_args=arguments, json_deserializer=from_json)

    if url.database and url.database != ":memory:":

        @event.listens_for(engine, "do_connect")
        def _open(_dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> None:  # noqa: ANN401
            # SQLite's own default, mode=rwc, would take a missing file for a new database, and let anybody read it
            path = Path(url.database).absolute()
            if create:
                with suppress(OSError):  # reported by SQLite: the file cannot be opened
                    path.touch(mode=PRIVATE_FILE_MODE)
            arguments[0] = f"file:{quote(str(path))}?{_read_only_mode(path) if read_only else 'mode=rw'}"
            options["uri"] = True

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:  # noqa: ANN401  # DBAPI objects
        connection.isolation_level = (
            None  # we send BEGIN ourselves (below), so that a writer can start with BEGIN IMMEDIATE
        )
        cursor = connection.cursor()
        for pragma in () if read_only else _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:  # noqa: ANN401
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _read_only_mode(path: Path) -> str:
    """Return SQLite's parameters for reading a file.

    A reader of a file with a write-ahead log needs the log's index. Where it cannot create one, and no log exists,
    nobody writes: the file is whole as it is.
    """
    has_log = Path(f"{path}-wal").exists()
    return "mode=ro" if has_log or os.access(path.parent, os.W_OK) else "mode=ro&immutable=1"
