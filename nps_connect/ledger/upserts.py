"""Inserts that do nothing, or something known, when the row is there already; for both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from itertools import chain
from typing import Any

from pydantic_core import to_json
from sqlalchemy import JSON, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col

from nps_connect.ledger.bulk_sql import ROWS_PARAMETER, json_rows
from nps_connect.ledger.columns import UtcDateTime, utc_text
from nps_connect.ledger.operational_tables import CounterRow

OnConflict = Callable[[Any], Any]
_ColumnEncoder = Callable[[Sequence[Any]], Sequence[Any]]

SQLITE_BATCH_SIZE = 100
"""Rows of one statement on SQLite: more gain nothing."""


def insert_for(session: Session, table: type[SQLModel]) -> Any:  # noqa: ANN401  # two dialects' Insert, no common base
    """The dialect's INSERT with ON CONFLICT."""
    return (sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert)(table)


def insert_many(
    session: Session,
    table: type[SQLModel],
    rows: Sequence[Mapping[str, Any]],
    *,
    on_conflict: OnConflict | None = None,
    returning: Sequence[str] = (),
    **told: Any,  # noqa: ANN401  # parameters
) -> list[Any]:
    """Insert many rows of the same columns in their order, at a fraction of the cost of a parameter per value.

    PostgreSQL takes all rows as one JSON text; SQLite takes them in statements of `TOGETHER` rows, whose text is made
    once.

    Args:
        session: the transaction.
        table: whose rows.
        rows: each with a value for every column that cannot be empty; values that JSON knows,
            records, and aware moments.
        clash: adds ``ON CONFLICT`` to the dialect's INSERT; a function of a module, since what it makes is kept.
        returning: columns to give back.
        told: parameters that `clash` names.

    Returns:
        The returned columns of the rows that were written, numbers and texts.
    """
    if not rows:
        return []
    bare: Table = table.__table__  # type: ignore[attr-defined]
    names = tuple(one.name for one in bare.c if one.name in rows[0])
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        statement = _json_insert(bare, names, on_conflict, tuple(returning))
        result = connection.execute(statement, {ROWS_PARAMETER: to_json(rows).decode(), **told})
        return list(result.all()) if returning else []
    text, ways, tail = _values_insert(bare, names, on_conflict, tuple(returning))
    after = [utc_text(told[name]) if isinstance(told[name], datetime) else told[name] for name in tail]
    written: list[Any] = []
    for begin in range(0, len(rows), SQLITE_BATCH_SIZE):
        some = rows[begin : begin + SQLITE_BATCH_SIZE]
        result = connection.exec_driver_sql(text(len(some)), (*_encode_rows(some, names, ways), *after))
        written += result.all() if returning else []
    return written


def insert_new(
    session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]], unique: Sequence[str]
) -> int:
    """Insert rows that are not there yet by their unique columns; returns how many are new."""
    if not rows:
        return 0
    statement = insert_for(session, table).values(list(rows)).on_conflict_do_nothing(index_elements=list(unique))
    return len(session.execute(statement.returning(table.id)).all())  # type: ignore[attr-defined]


@lru_cache(maxsize=64)
def _json_insert(bare: Table, names: tuple[str, ...], clash: OnConflict | None, returning: tuple[str, ...]) -> Any:  # noqa: ANN401
    source, columns = json_rows(bare, names, sqlite=False)
    statement = postgresql.insert(bare).from_select(
        names, select(*columns.values()).select_from(source), include_defaults=False
    )
    return _with_conflict_and_returning(statement, bare, clash, returning)


@lru_cache(maxsize=64)
def _values_insert(
    bare: Table, names: tuple[str, ...], clash: OnConflict | None, returning: tuple[str, ...]
) -> tuple[Callable[[int], str], list[_ColumnEncoder | None], list[str]]:
    """The text for so many rows, how each column is stored, and the names of the parameters that follow the rows."""
    statement = _with_conflict_and_returning(
        sqlite.insert(bare).values({name: bindparam(f"to_{name}") for name in names}), bare, clash, returning
    )
    compiled = statement.compile(dialect=sqlite.dialect(paramstyle="qmark"))
    order = [str(name) for name in compiled.positiontup or ()]
    if order[: len(names)] != [f"to_{name}" for name in names]:
        raise ValueError(f"{bare.name}: a value is missing beside {', '.join(names)}")
    group = f"({', '.join('?' * len(names))})"
    head, tail = str(compiled).split(group, 1)
    ways = [_column_encoder(bare.c[name].type) for name in names]
    return lru_cache(lambda count: head + ", ".join([group] * count) + tail), ways, order[len(names) :]


def _with_conflict_and_returning(
    statement: Any, bare: Table, clash: OnConflict | None, returning: tuple[str, ...]
) -> Any:  # noqa: ANN401
    statement = clash(statement) if clash else statement
    return statement.returning(*(bare.c[name] for name in returning)) if returning else statement


def _encode_rows(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], ways: Sequence[_ColumnEncoder | None]
) -> Iterator[Any]:
    """Every value as SQLite stores it, row by row; worked out column by column, which is quicker."""
    columns = []
    for name, way in zip(names, ways, strict=True):
        column = [row[name] for row in rows]
        columns.append(way(column) if way else column)
    return chain.from_iterable(zip(*columns, strict=True))


def _column_encoder(kind: Any) -> _ColumnEncoder | None:  # noqa: ANN401  # a column's type
    if isinstance(kind, UtcDateTime):
        return _encode_datetimes
    return _encode_json if isinstance(kind, JSON) else None


def _encode_datetimes(column: Sequence[datetime | None]) -> list[str | None]:
    """The same few moments are told again and again."""
    texts = {moment: utc_text(moment) for moment in set(column)}
    return [texts[moment] for moment in column]


def _encode_json(column: Sequence[Any]) -> list[str | None]:
    return [None if value is None else to_json(value).decode() for value in column]


def increment_counter(session: Session, name: str, connection: str, day: date, by: int = 1) -> None:
    """Count something that is not kept."""
    statement = insert_for(session, CounterRow).values(day=day, name=name, connection=connection, count=by)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["day", "name", "connection"], set_={"count": col(CounterRow.count) + by}
        )
    )
