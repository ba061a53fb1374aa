"""Inserts with ON CONFLICT, for both databases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import to_json
from sqlalchemy import JSON, Table, bindparam, insert, select
from sqlmodel import Session

from nps_connect.ledger.bulk_sql import ROWS_PARAMETER, json_rows
from nps_connect.ledger.columns import Base, UtcDateTime, utc_text

if TYPE_CHECKING:
    from nps_connect.ledger.ledger import Ledger

OnConflict = Callable[[Any], Any]

MAX_STATEMENT_ROWS = 64
"""Rows per statement on SQLite, a power of two; more rows save nothing."""


def insert_many(
    session: Session,
    table: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    skip_existing: Sequence[str] = (),
    on_conflict: OnConflict | None = None,
    returning: Sequence[str] = (),
    **parameters: Any,  # noqa: ANN401  # values of any column
) -> list[Any]:
    """Insert rows in their order, by statements whose text is compiled once.

    PostgreSQL receives all rows as one JSON parameter. SQLite receives them as bound values, up to `MAX_STATEMENT_ROWS`
    per statement: with JSON a row takes 6 µs more.

    Args:
        session: the transaction.
        table: of the rows.
        rows: all with the same columns: values that JSON can hold, records, and aware datetimes. Columns that they lack
            get their default.
        skip_existing: columns of a unique constraint: a row that exists already is not inserted.
        on_conflict: adds an ON CONFLICT clause of its own to the dialect's INSERT; a module-level function, because the
            statement is cached by it.
        returning: columns to return.
        parameters: values of the parameters that `on_conflict` uses.

    Returns:
        The returned columns of the written rows.
    """
    if not rows:
        return []
    target = table.__table__
    names, defaults = _columns(target, tuple(rows[0]))
    clauses = _Clauses(target, names, on_conflict, tuple(skip_existing), tuple(returning))
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        complete = [{**defaults, **row} for row in rows] if defaults else rows
        result = connection.execute(
            _json_statement(clauses), {ROWS_PARAMETER: to_json(complete).decode(), **parameters}
        )
        return list(result.all()) if returning else []
    columns: list[Sequence[Any]] = []
    for name in names:
        values = [defaults[name]] * len(rows) if name in defaults else list(map(itemgetter(name), rows))
        columns.append(_encode_column(target.c[name].type, values))
    encoded = list(zip(*columns, strict=True))
    inserted: list[Any] = []
    while encoded:
        count = min(MAX_STATEMENT_ROWS, 1 << len(encoded).bit_length() - 1)
        text, trailing = _values_statement(clauses, count)
        bound = list(chain.from_iterable(encoded[:count]))
        for name in trailing:
            bound += _encode_column(None, [parameters[name]])
        result = connection.exec_driver_sql(text, tuple(bound))
        inserted += result.all() if returning else []
        encoded = encoded[count:]
    return inserted


class _Clauses(NamedTuple):
    target: Table
    names: tuple[str, ...]
    on_conflict: OnConflict | None
    skip_existing: tuple[str, ...]
    returning: tuple[str, ...]

    def add_to(self, statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert, no common base
        if self.skip_existing:
            statement = statement.on_conflict_do_nothing(index_elements=self.skip_existing)
        if self.on_conflict is not None:
            statement = self.on_conflict(statement)
        return statement.returning(*(self.target.c[name] for name in self.returning)) if self.returning else statement


@lru_cache(maxsize=128)
def _columns(target: Table, given: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the names of the columns to insert, in the order of the table, and the defaults of those not given.

    A default that is called is called once: it is an empty list or mapping, never a time or an id.
    """
    defaults: dict[str, Any] = {}
    for column in target.c:
        if column.name not in given and column.default is not None:
            default: Any = column.default
            defaults[column.name] = default.arg(None) if default.is_callable else default.arg
    return tuple(filter({*given, *defaults}.__contains__, target.c.keys())), defaults


@lru_cache(maxsize=128)
def _json_statement(clauses: _Clauses) -> Any:  # noqa: ANN401
    from sqlalchemy.dialects import postgresql

    source, columns = json_rows(clauses.target, clauses.names, sqlite=False)
    rows = select(*columns.values()).select_from(source)
    insert_rows = postgresql.insert(clauses.target).from_select(clauses.names, rows, include_defaults=False)
    return clauses.add_to(insert_rows)


@lru_cache(maxsize=512)
def _values_statement(clauses: _Clauses, count: int) -> tuple[str, list[str]]:
    """Return the SQL for `count` rows, a power of two, and the names of the parameters that follow the rows."""
    from sqlalchemy.dialects import sqlite  # only the dialect in use: each takes long to import

    rows: list[dict[str, Any]] = [{name: bindparam(f"{name}_{row}") for name in clauses.names} for row in range(count)]
    statement = clauses.add_to(sqlite.insert(clauses.target).values(rows))
    compiled = statement.compile(dialect=sqlite.dialect(paramstyle="qmark"))
    return str(compiled), list(compiled.positiontup or ())[count * len(clauses.names) :]


def _encode_column(column_type: object, values: Sequence[Any]) -> Sequence[Any]:
    """Return values as SQLite stores them; few distinct times occur in a batch, so each is formatted once."""
    if isinstance(column_type, JSON):
        return [None if value is None else to_json(value).decode() for value in values]
    if isinstance(column_type, UtcDateTime) or isinstance(values[0], datetime):
        times = set(values)
        text_by_time = dict(zip(times, map(utc_text, times), strict=True))
        return list(map(text_by_time.__getitem__, values))
    return values


def insert_isolated(ledger: Ledger, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> list[int | Exception]:
    """Insert rows in one transaction, or one by one if that fails, so that a bad row fails alone.

    Unlike `insert_many` it takes binary values.

    Returns:
        For each row its id, or the error of the database.
    """
    if not rows:
        return []
    try:
        with ledger.write() as session:
            return list(session.connection().execute(_isolated_statement(table), list(rows)).scalars())
    except Exception as error:  # noqa: BLE001  # returned to the caller of this row
        if len(rows) == 1:
            return [error]
        return [insert_isolated(ledger, table, [row])[0] for row in rows]


@lru_cache
def _isolated_statement(table: type[Base]) -> Any:  # noqa: ANN401
    target = table.__table__
    return insert(target).returning(target.c.id, sort_by_parameter_order=True)
