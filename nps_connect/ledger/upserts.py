"""Inserts with ON CONFLICT, for both databases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, insert, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

from nps_connect.ledger.bulk_sql import json_rows, json_rows_parameter

if TYPE_CHECKING:
    from nps_connect.ledger.ledger import Ledger

OnConflict = Callable[[Any], Any]


def insert_for(session: Session, table: type[SQLModel]) -> Any:  # noqa: ANN401  # two dialects' Insert, no common base
    """Return the dialect's INSERT, which knows ON CONFLICT."""
    return (sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert)(table)


def insert_many(
    session: Session,
    table: type[SQLModel],
    rows: Sequence[Mapping[str, Any]],
    *,
    skip_existing: Sequence[str] = (),
    on_conflict: OnConflict | None = None,
    returning: Sequence[str] = (),
    **parameters: Any,  # noqa: ANN401  # values of any column
) -> list[Any]:
    """Insert rows in their order by one statement; all rows travel as one JSON parameter.

    Args:
        session: the transaction.
        table: of the rows.
        rows: all with the same columns: values that JSON can hold, records, and aware datetimes. Columns that they lack
            get their default.
        skip_existing: columns of a unique constraint: a row that exists already is not inserted.
        on_conflict: adds another ON CONFLICT clause to the dialect's INSERT; a module-level function, because the
            statement is cached by it.
        returning: columns to return.
        parameters: values of the parameters that `on_conflict` uses.

    Returns:
        The returned columns of the written rows.
    """
    if not rows:
        return []
    target: Table = table.__table__  # type: ignore[attr-defined]
    names = tuple(column.name for column in target.c if column.name in rows[0])
    connection = session.connection()
    is_sqlite = connection.dialect.name == "sqlite"
    statement = _insert_statement(target, names, on_conflict, tuple(skip_existing), tuple(returning), is_sqlite)
    values = [[row[name] for name in names] for row in rows]
    result = connection.execute(statement, json_rows_parameter(target, values, names, sqlite=is_sqlite) | parameters)
    return list(result.all()) if returning else []


@lru_cache(maxsize=128)
def _insert_statement(
    target: Table,
    names: tuple[str, ...],
    on_conflict: OnConflict | None,
    skip_existing: tuple[str, ...],
    returning: tuple[str, ...],
    is_sqlite: bool,
) -> Any:  # noqa: ANN401
    source, columns = json_rows(target, names, sqlite=is_sqlite)
    # WHERE TRUE: without it SQLite reads the ON of ON CONFLICT as a join condition (sqlite.org/lang_upsert.html)
    rows = select(*columns.values()).select_from(source).where(true())
    statement: Any = (sqlite.insert if is_sqlite else postgresql.insert)(target).from_select(names, rows)
    if skip_existing:
        statement = statement.on_conflict_do_nothing(index_elements=skip_existing)
    if on_conflict is not None:
        statement = on_conflict(statement)
    return statement.returning(*(target.c[name] for name in returning)) if returning else statement


def insert_isolated(ledger: Ledger, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> list[int | Exception]:
    """Insert rows in one transaction, or one by one if that fails, so that a bad row fails alone.

    Unlike `insert_many` it takes binary values.

    Returns:
        For each row its id, or the error of the database.
    """
    if not rows:
        return []
    target: Table = table.__table__  # type: ignore[attr-defined]
    statement = insert(target).returning(target.c.id, sort_by_parameter_order=True)
    try:
        with ledger.write() as session:
            return list(session.connection().execute(statement, list(rows)).scalars())
    except Exception as error:  # noqa: BLE001  # returned to the caller of this row
        if len(rows) == 1:
            return [error]
        return [insert_isolated(ledger, table, [row])[0] for row in rows]
