"""`Ledger`: the open database, with short read and write transactions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from nps_connect.errors import ConfigError
from nps_connect.ledger.columns import Base
from nps_connect.ledger.fair_lock import FairLock
from nps_connect.ledger.group_commit import GroupCommit, NewRow

DATABASE_URL_KEY = "core.database_url"

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=30000",
    "cache_size=-4000",  # KiB for each connection, twice SQLite's own; the goal for memory leaves no more
    "wal_autocheckpoint=8000",  # pages (32 MB): what is written again and again in between reaches the file once
)


class Ledger:
    """The source of truth, on SQLite or PostgreSQL.

    Args:
        url: ``sqlite:///file.db`` or ``postgresql://user@host/name``.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self._immediate = self.engine.execution_options(immediate=True)
        self._writing = FairLock() if self.is_sqlite else None
        self._groups = GroupCommit(self.write)

    @property
    def is_sqlite(self) -> bool:
        """Whether one process at a time may work on it."""
        return self.engine.dialect.name == "sqlite"

    @property
    def file(self) -> Path | None:
        """The database file, for SQLite."""
        name = self.engine.url.database
        return Path(name) if self.is_sqlite and name and name != ":memory:" else None

    @property
    def libpq_url(self) -> str:
        """The address of a PostgreSQL ledger for its own client library, password included: never to be shown."""
        return self.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading; what it changes is thrown away."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One short transaction; committed at the end, rolled back on any exception.

        On SQLite, writers of this process take turns before ``BEGIN IMMEDIATE``: first come, first served.
        """
        if self._writing is None:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                yield session
            return
        with self._writing, Session(self._immediate, expire_on_commit=False) as session, session.begin():
            yield session

    def add(self, row: Base) -> None:
        """Insert one row, together with those of other threads that come at the same moment; durable on return."""
        self._groups.add(row)

    def add_all(self, rows: Sequence[NewRow]) -> list[Exception | None]:
        """Like `add` for several rows; gives what the database raised for each, or none."""
        return self._groups.add_all(rows) if rows else []

    def ping(self) -> None:
        """Raise unless the database answers.

        Raises:
            ConfigError: it cannot be reached, with the reason and without its password.
        """
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except OperationalError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise ConfigError(
                f"the database cannot be reached ({reason})",
                key=DATABASE_URL_KEY,
                fix="check that it runs and that the address is right",
            ) from None

    def close(self) -> None:
        """Close pooled connections."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except Exception as error:
        raise ConfigError(
            "not a database address", key=DATABASE_URL_KEY, allowed="sqlite:///file.db, postgresql://..."
        ) from error
    if parsed.drivername in ("postgresql", "postgres"):
        return _postgres(parsed.set(drivername="postgresql+psycopg"))
    if parsed.drivername == "sqlite":
        return _sqlite(parsed)
    raise ConfigError(
        f"database kind {parsed.drivername!r} is not known",
        key=DATABASE_URL_KEY,
        allowed="sqlite:///file.db, postgresql://...",
    )


def _postgres(url: Any) -> Engine:  # noqa: ANN401  # sqlalchemy.URL is not exported as a type
    try:
        return create_engine(url, pool_size=8, max_overflow=16, pool_pre_ping=True)
    except ModuleNotFoundError:
        raise ConfigError(
            "PostgreSQL needs an extra", key=DATABASE_URL_KEY, fix="run: pip install 'nps-connect[postgres]'"
        ) from None


def _sqlite(url: Any) -> Engine:  # noqa: ANN401
    engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:  # noqa: ANN401  # DBAPI objects
        connection.isolation_level = None  # we say BEGIN ourselves, so that writers can take the lock at once
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:  # noqa: ANN401
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine
