"""Statements over many rows whose text does not depend on the number of rows: compiled, prepared and planned once."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from pydantic_core import to_json
from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    ColumnElement,
    Dialect,
    FromClause,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Session

from nps_connect.ledger.columns import Base, utc_text

log = logging.getLogger(__name__)

TableT = TypeVar("TableT", bound=Base)

ROWS_PARAMETER = "json_rows"
PENDING: ColumnElement[str] = literal_column("'pending'")
RUNNING: ColumnElement[str] = literal_column("'running'")
"""States as literals: with a bound parameter neither database can tell that a partial index applies."""


class _ListParameter(TypeDecorator[Sequence[Any]]):
    """A list of numbers or texts as one parameter: JSON on SQLite, an array on PostgreSQL."""

    impl = ARRAY
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type that the driver receives."""
        return Text() if dialect.name == "sqlite" else self.impl_instance

    def bind_processor(self, dialect: Dialect) -> Callable[[Sequence[Any] | None], Any]:
        """Return the conversion to what the driver receives.

        Numbers go to PostgreSQL as an array literal: the driver encodes a list item by item, in Python.
        """
        if dialect.name == "sqlite":
            return json.dumps
        if isinstance(self.impl_instance.item_type, Integer):  # type: ignore[attr-defined]
            return lambda values: f"{{{json.dumps(values)[1:-1]}}}"
        return lambda values: list(values or ())


class _Predicate(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: object = None) -> Any:  # noqa: ANN401
        """Return the condition unchanged: SQLAlchemy would compare a function with 1."""
        return self


class _InList(_Predicate):
    name = "in_list"
    inherit_cache = True


class _NotInList(_Predicate):
    name = "not_in_list"
    inherit_cache = True


class _Likely(_Predicate):
    name = "likely"
    inherit_cache = True


class _WithoutIndex(FunctionElement[Any]):
    name = "without_index"
    inherit_cache = True


def in_list(column: Any, name: str) -> ColumnElement[bool]:  # noqa: ANN401  # any column of numbers or texts
    """Return the condition that a column's value is in the list passed as parameter `name` at execution."""
    return _InList(column, bindparam(name, type_=_ListParameter(column.type)))


def not_in_list(column: Any, name: str) -> ColumnElement[bool]:  # noqa: ANN401
    """Return the condition that a column's value is not in the list passed as parameter `name`."""
    return _NotInList(column, bindparam(name, type_=_ListParameter(column.type)))


def without_index(column: Any) -> ColumnElement[Any]:  # noqa: ANN401
    """Return a column that SQLite does not search by index: without statistics it prefers it to the primary key."""
    element = _WithoutIndex(column)
    element.type = column.type
    return element


def by_partial_index(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition of a partial index, marked for SQLite as true for most rows.

    Without statistics SQLite takes the index on all states, with one state given, for better than a partial index whose
    rows all have that state. PostgreSQL chooses by its statistics.
    """
    return _Likely(condition)


@compiles(_InList, "postgresql")
def _in_array(element: _InList, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    value, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{value} = ANY ({values})"


@compiles(_NotInList, "postgresql")
def _not_in_array(element: _NotInList, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    value, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{value} <> ALL ({values})"


@compiles(_InList, "sqlite")
def _in_json_each(element: _InList, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    value, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{value} IN (SELECT value FROM json_each({values}))"  # noqa: S608  # compiled clauses only


@compiles(_NotInList, "sqlite")
def _not_in_json_each(element: _NotInList, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    value, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{value} NOT IN (SELECT value FROM json_each({values}))"  # noqa: S608


@compiles(_Likely)
@compiles(_WithoutIndex)
def _compile_plain(element: _Likely | _WithoutIndex, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return compiler.process(next(iter(element.clauses)), **options)


@compiles(_Likely, "sqlite")
def _compile_likely(element: _Likely, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return f"likely({compiler.process(next(iter(element.clauses)), **options)})"


@compiles(_WithoutIndex, "sqlite")
def _compile_unary_plus(element: _WithoutIndex, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return "+" + compiler.process(next(iter(element.clauses)), **options)


def json_rows(table: Table, names: Sequence[str], *, sqlite: bool) -> tuple[FromClause, dict[str, ColumnElement[Any]]]:
    """Return the FROM clause for rows passed as one JSON text (`json_rows_parameter`), and its columns by name."""
    text: ColumnElement[str] = bindparam(ROWS_PARAMETER, type_=Text())
    if sqlite:
        rows = func.json_each(text).table_valued("value", name=ROWS_PARAMETER)
        columns = (
            func.json_extract(rows.c.value, f"$[{index}]", type_=table.c[name].type) for index, name in enumerate(names)
        )
        return rows, dict(zip(names, columns, strict=True))
    recordset = func.json_to_recordset(cast(text, JSON)).table_valued(
        *(column(name, table.c[name].type) for name in names), name=ROWS_PARAMETER
    )
    derived = recordset.render_derived(with_types=True)
    return derived, {name: derived.c[name] for name in names}


def json_rows_parameter(rows: Sequence[Sequence[Any]], names: Sequence[str], *, sqlite: bool = False) -> dict[str, str]:
    """Return the parameter for `json_rows`.

    Args:
        rows: values in the order of `names`: what JSON can hold, records, and aware datetimes.
        names: of the columns.
        sqlite: the database: its rows are JSON arrays with times in its own text form, else JSON objects.
    """
    if not sqlite:
        return {ROWS_PARAMETER: to_json([dict(zip(names, row, strict=True)) for row in rows]).decode()}
    encoded = [[utc_text(value) if isinstance(value, datetime) else value for value in row] for row in rows]
    return {ROWS_PARAMETER: to_json(encoded).decode()}


def load_columns(
    session: Session, table: type[TableT], ids: Collection[int], *, without: Sequence[str] = ()
) -> dict[int, TableT]:
    """Read rows by id as plain read-only columns, at a third of the cost of ORM objects.

    A row that cannot be read (damaged JSON) is logged and left out.

    Args:
        session: for reading.
        table: of the rows.
        ids: of the rows.
        without: columns that are not needed: each costs about half a microsecond per row.
    """
    rows: dict[int, TableT] = {}
    if not ids:
        return rows
    try:
        for row in session.connection().execute(_select_by_id(table, tuple(without)), {"ids": list(ids)}):
            rows[row.id] = row  # type: ignore[assignment]
    except (ValueError, TypeError) as error:
        if len(ids) == 1:
            log.error("row_damaged table=%s id=%s error=%s", table.__tablename__, *ids, error)
        else:
            for row_id in ids:
                rows |= load_columns(session, table, [row_id], without=without)
    return rows


@lru_cache
def _select_by_id(table: type[Base], without: tuple[str, ...]) -> Select[Any]:
    columns = table.__table__.c
    return select(*(column for column in columns if column.name not in without)).where(in_list(columns.id, "ids"))
