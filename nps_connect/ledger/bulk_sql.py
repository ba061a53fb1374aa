"""Many rows in one statement of constant text, so that it is compiled, prepared and planned once for any number."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    Dialect,
    FromClause,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from nps_connect.ledger.columns import utc_text


class _ListParameter(TypeDecorator[Sequence[Any]]):
    """Numbers or texts, written down at a fraction of what the driver takes for a list.

    SQLite reads them as JSON, PostgreSQL as an array.
    """

    impl = ARRAY
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """What the database is told that it gets."""
        return Text() if dialect.name == "sqlite" else self.impl_instance

    def bind_processor(self, dialect: Dialect) -> Callable[[Sequence[Any] | None], str | None]:
        """Write the list down."""
        return json.dumps if dialect.name == "sqlite" else _array


def _array(values: Sequence[Any] | None) -> str:
    """The list as PostgreSQL writes arrays: as JSON does, but for the brackets and what is escaped."""
    told = json.dumps(values or (), ensure_ascii=False)
    if "\\" not in told:
        return f"{{{told[1:-1]}}}"
    texts = [str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values or ()]
    return "{" + ",".join(f'"{text}"' for text in texts) + "}"


ROWS_PARAMETER = "told"
PENDING: ColumnElement[str] = literal_column("'pending'")
RUNNING: ColumnElement[str] = literal_column("'running'")
"""States as part of a statement's text: only so do both databases see which partial index fits, however it is run."""


class _ListPredicate(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: object = None) -> Any:  # noqa: ANN401
        """A condition as it stands, not a value to be compared with 1."""
        return self


class _InList(_ListPredicate):
    name = "one_of"
    inherit_cache = True


class _NotInList(_ListPredicate):
    name = "none_of"
    inherit_cache = True


class _WithoutIndex(FunctionElement[Any]):
    name = "beside"
    inherit_cache = True


def in_list(column: Any, name: str) -> ColumnElement[bool]:  # noqa: ANN401  # any column of numbers or texts
    """Whether a value is in the list that a statement, made once, is executed with under this name."""
    return _InList(column, bindparam(name, type_=_ListParameter(column.type)))


def not_in_list(column: Any, name: str) -> ColumnElement[bool]:  # noqa: ANN401
    """Whether an id is not in that list."""
    return _NotInList(column, bindparam(name, type_=_ListParameter(column.type)))


def without_index(column: Any) -> ColumnElement[Any]:  # noqa: ANN401
    """A column to be looked at beside the ids: SQLite, which keeps no statistics, must not search by its index."""
    found = _WithoutIndex(column)
    found.type = column.type
    return found


@compiles(_InList, "postgresql")
def _in_array(element: _InList, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    one, ids = (compiler.process(clause, **how) for clause in element.clauses)
    return f"{one} = ANY ({ids})"


@compiles(_NotInList, "postgresql")
def _not_in_array(element: _NotInList, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    one, ids = (compiler.process(clause, **how) for clause in element.clauses)
    return f"{one} <> ALL ({ids})"


@compiles(_InList, "sqlite")
def _in_json_each(element: _InList, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    one, ids = (compiler.process(clause, **how) for clause in element.clauses)
    return f"{one} IN (SELECT value FROM json_each({ids}))"  # noqa: S608  # compiled clauses, no text of anybody


@compiles(_NotInList, "sqlite")
def _not_in_json_each(element: _NotInList, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    one, ids = (compiler.process(clause, **how) for clause in element.clauses)
    return f"{one} NOT IN (SELECT value FROM json_each({ids}))"  # noqa: S608


@compiles(_WithoutIndex)
def _compile_plain(element: _WithoutIndex, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    return compiler.process(next(iter(element.clauses)), **how)


@compiles(_WithoutIndex, "sqlite")
def _compile_unary_plus(element: _WithoutIndex, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    return "+" + compiler.process(next(iter(element.clauses)), **how)


def json_rows(table: Table, names: Sequence[str], *, sqlite: bool) -> tuple[FromClause, dict[str, ColumnElement[Any]]]:
    """Rows that come with the statement as one JSON text: what to select from, and its columns by name."""
    text: ColumnElement[str] = bindparam(ROWS_PARAMETER, type_=Text())
    if sqlite:
        each = func.json_each(text).table_valued("value", name=ROWS_PARAMETER)
        place = {name: f"$[{number}]" for number, name in enumerate(names)}
        return each, {name: func.json_extract(each.c.value, place[name], type_=table.c[name].type) for name in names}
    told = func.json_to_recordset(cast(text, JSON)).table_valued(
        *(column(name, table.c[name].type) for name in names), name=ROWS_PARAMETER
    )
    derived = told.render_derived(with_types=True)
    return derived, {name: derived.c[name] for name in names}


def json_rows_parameter(rows: Sequence[tuple[Any, ...]], names: Sequence[str], *, sqlite: bool) -> dict[str, str]:
    """The parameter for `json_rows`: values in the order of these names, such as JSON knows, and aware moments."""
    if sqlite:
        return {ROWS_PARAMETER: json.dumps(rows, default=utc_text)}
    return {
        ROWS_PARAMETER: json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=datetime.isoformat)
    }
