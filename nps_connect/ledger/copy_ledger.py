"""Copy a whole ledger into another, empty one: the move from SQLite to PostgreSQL. Counts and sums are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Integer, Table, func, insert, select, text, update

from nps_connect.errors import NpsConnectError
from nps_connect.ledger import operational_tables
from nps_connect.ledger import tables as walk
from nps_connect.ledger.columns import Base
from nps_connect.ledger.ledger import Ledger

COPY_BATCH_SIZE = 1000
TABLE_MODULES = (walk, operational_tables)
"""The modules that declare tables."""

PROCESS_TABLES = frozenset({"workers"})
"""Tables that tell of processes and not of the business: not copied."""


@dataclass(frozen=True)
class TableCopy:
    """One table.

    Attributes:
        table: its name.
        rows: how many were copied.
        equal: the other ledger has as many, and the sum of every number column is the same.
    """

    table: str
    rows: int
    equal: bool


def tables_to_copy() -> list[Table]:
    """Every table of the ledger, those that are referred to first."""
    return [table for table in Base.metadata.sorted_tables if table.name not in PROCESS_TABLES]


def copy_ledger(source: Ledger, target: Ledger, tell: Callable[[str, int], None]) -> Iterator[TableCopy]:
    """Copy table by table, in one transaction of the target: all of it or nothing.

    Args:
        source: a ledger at the newest schema, on which nobody works.
        target: an empty ledger at the newest schema.
        tell: hears the table and the number of rows, now and then.

    Raises:
        NpsConnectError: the target holds rows already, or does not equal the source afterwards.
    """
    with source.engine.connect() as old, target.engine.begin() as new:
        for table in tables_to_copy():
            if new.execute(select(func.count()).select_from(table)).scalar_one():
                raise NpsConnectError(f"the target is not empty: table {table.name} has rows; nothing was copied")
        done = [
            TableCopy(table.name, _copy_table(table, old, new, tell), _has_same_content(table, old, new))
            for table in tables_to_copy()
        ]
        wrong = [one.table for one in done if not one.equal]
        if wrong:
            raise NpsConnectError(f"these tables differ after the copy: {', '.join(wrong)}; nothing was copied")
    yield from done


def _copy_table(table: Table, old: Connection, new: Connection, tell: Callable[[str, int], None]) -> int:
    """Rows that refer to rows of their own table come without that reference first."""
    own = [column.name for column in table.columns for key in column.foreign_keys if key.column.table is table]
    done = 0
    later: list[tuple[int, dict[str, object]]] = []
    order = list(table.primary_key.columns)
    for rows in (
        old.execution_options(yield_per=COPY_BATCH_SIZE).execute(select(table).order_by(*order)).mappings().partitions()
    ):
        batch = [dict(row) for row in rows]
        for row in batch:
            refers = {name: row[name] for name in own if row[name] is not None}
            if refers:
                later.append((row["id"], refers))
                row.update(dict.fromkeys(refers))
        new.execute(insert(table), batch)
        done += len(batch)
        tell(table.name, done)
    for row_id, refers in later:
        new.execute(update(table).where(table.c.id == row_id).values(**refers))
    _reset_id_sequence(table, new)
    return done


def _reset_id_sequence(table: Table, new: Connection) -> None:
    """New rows of PostgreSQL get ids after the copied ones."""
    if new.dialect.name != "sqlite" and "id" in table.c and isinstance(table.c.id.type.as_generic(), Integer):
        new.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "  # noqa: S608  # our own name
                f"(SELECT coalesce(max(id), 0) + 1 FROM {table.name}), false)"
            )
        )


def _has_same_content(table: Table, old: Connection, new: Connection) -> bool:
    numbers = [func.coalesce(func.sum(column), 0) for column in table.columns if isinstance(column.type, Integer)]
    query = select(func.count(), *numbers).select_from(table)
    return [int(one) for one in old.execute(query).one()] == [int(one) for one in new.execute(query).one()]
