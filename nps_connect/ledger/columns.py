"""Column types, the claimable-work mixin, names of queues and the INSERT with ON CONFLICT, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import BigInteger, Connection, Dialect, Index, Integer, MetaData, Table, event, text
from sqlalchemy.types import DateTime, TypeDecorator
from sqlmodel import Field, Session, SQLModel

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

JOBS_QUEUE = "jobs"

UNFINISHED_STATES = ("pending", "running", "held", "dead")
FINISHED_STATES = ("succeeded", "skipped", "cancelled")
"""States of deliveries: nobody has to handle a finished one any more."""

PREDICATE = "where"
"""Key of an index's `info` with the predicate of a partial index, as SQL."""

WITHOUT_ROWID = "without_rowid"
"""Key of a table's `info`: SQLite stores its rows in the order of the primary key."""

BigId = BigInteger().with_variant(Integer, "sqlite")
"""64 bits on both databases: SQLite's ``INTEGER PRIMARY KEY`` has 64 bits, and only this spelling is the row id."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python; ``timestamptz`` on PostgreSQL, naive UTC text to the microsecond on SQLite.

    It converts SQLite's text itself: SQLAlchemy's own conversion took half of the time of reading a row.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """Return the conversion to what is stored; it raises `ValueError` for a naive time."""
        return utc_text if dialect.name == "sqlite" else _require_zone

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """Return the conversion to aware UTC."""
        return _from_text if dialect.name == "sqlite" else _to_utc


def utc_text(value: datetime | None) -> str | None:
    """Return a time as SQLite stores it, such as ``2026-11-22 09:30:00.000000``.

    Raises:
        ValueError: the time is naive.
    """
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _require_zone(value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    return value


def _to_utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + "+00:00")


class Base(SQLModel):
    """Base of every table. ``table=True`` models validate nothing: what is stored comes from frozen records."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    model_config = {"defer_build": True}  # nothing is validated: a validator of each table costs start-up
    if TYPE_CHECKING:
        __table__: ClassVar[Table]


def insert_for(session: Session, table: type[Base]) -> Any:  # noqa: ANN401  # two dialects' Insert, no common base
    """Return the dialect's INSERT, which knows ON CONFLICT."""
    dialect = import_module(f"sqlalchemy.dialects.{session.get_bind().dialect.name}")  # only the one in use
    return dialect.insert(table)


def id_field() -> Any:  # noqa: ANN401  # SQLModel's Field has no narrower type
    """Return the field of a row number."""
    return Field(default=None, primary_key=True, sa_type=BigId)


def reference_field(target: str, *, optional: bool = False, index: bool = True) -> Any:  # noqa: ANN401
    """Return the field that refers to a column such as ``contacts.id``."""
    return Field(default=None if optional else ..., foreign_key=target, sa_type=BigId, nullable=optional, index=index)


class QueuedRow(Base):
    """Claimable work: a worker claims the row under a lease and settles it.

    Attributes:
        queue_name: such as ``crm/write_score``.
        state: each table lists its states.
        due_at: not claimed before then.
        lease_token: only the holder of this token may settle the row.
        lease_until: when another worker may recover the row.
        started_at: when the effect began; a lost row that never started is not in doubt.
        attempts: tries that count against the retry plan.
        last_error: the newest failure, one sentence.
    """

    if TYPE_CHECKING:
        id: int | None  # each table declares it
    queue_name: str = Field(max_length=120)
    state: str = Field(default="pending", max_length=20)
    due_at: datetime = Field(sa_type=UtcDateTime)
    lease_token: str | None = Field(default=None, max_length=40)
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0
    last_error: str | None = None


def queue_indexes(table: str) -> tuple[Any, ...]:
    """Return the partial indexes of claimable work: due rows of a queue, and rows whose lease may have expired."""
    return (
        partial_index(f"ix_{table}_due", "queue_name", "due_at", "id", where="state = 'pending'"),
        partial_index(f"ix_{table}_leased", "lease_until", where="state = 'running'"),
    )


def partial_index(name: str, *columns: str, where: str) -> Index:
    """Return a partial index; a query uses it only if it states the predicate with literals, not parameters."""
    return Index(name, *columns, info={PREDICATE: where})


@event.listens_for(Base.metadata, "before_create")
def _set_dialect_options(metadata: MetaData, connection: Connection, **_options: object) -> None:
    """Give partial indexes their predicate, and tables their order.

    For one dialect: to name a dialect at import loads all its drivers.
    """
    for table in metadata.tables.values():
        for index in table.indexes:
            if PREDICATE in index.info:
                index.dialect_kwargs[f"{connection.dialect.name}_where"] = text(index.info[PREDICATE])
        if WITHOUT_ROWID in table.info and connection.dialect.name == "sqlite":
            table.dialect_kwargs["sqlite_with_rowid"] = False


def parse_queue(connection: str) -> str:
    """Return the name of the queue of raw requests to parse."""
    return f"{connection}/parse"


def decide_queue(connection: str) -> str:
    """Return the name of the queue of events to decide on."""
    return f"{connection}/decide"


def poll_queue(connection: str) -> str:
    """Return the name of the queue of jobs that poll a connection."""
    return f"{connection}/poll"


def delivery_queue(connection: str, action: str) -> str:
    """Return the name of the queue of one action on one connection."""
    return f"{connection}/{action}"
