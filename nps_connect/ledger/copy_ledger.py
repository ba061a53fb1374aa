"""Copy a whole ledger into an empty one, for the move from SQLite to PostgreSQL; compares counts and sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Integer, Table, delete, func, insert, select, text, update

from nps_connect.errors import NpsConnectError
from nps_connect.ledger import all_tables  # noqa: F401  # completes the metadata
from nps_connect.ledger.columns import Base
from nps_connect.ledger.identity import DatabaseIdentityRow
from nps_connect.ledger.ledger import Ledger

COPY_BATCH_SIZE = 1000

PROCESS_TABLES = frozenset({"workers"})
"""Tables about processes, which are not copied."""


@dataclass(frozen=True)
class TableCopy:
    """The copy of one table.

    Attributes:
        table: its name.
        rows: number of copied rows.
        equal: both tables have the same number of rows and the same sum of every integer column.
    """

    table: str
    rows: int
    equal: bool


def tables_to_copy() -> list[Table]:
    """Return the tables to copy, each after those that it references."""
    return [table for table in Base.metadata.sorted_tables if table.name not in PROCESS_TABLES]


def copy_ledger(source: Ledger, target: Ledger, on_progress: Callable[[str, int], None]) -> Iterator[TableCopy]:
    """Copy table by table, in one transaction of the target.

    Args:
        source: a ledger at the newest schema, with no process at work.
        target: an empty ledger at the newest schema.
        on_progress: called with the table and the number of rows copied so far.

    Raises:
        NpsConnectError: the target has rows already, or differs from the source afterwards; nothing was copied.
    """
    with source.engine.connect() as source_connection, target.engine.begin() as target_connection:
        target_connection.execute(delete(DatabaseIdentityRow))  # the copy continues the source
        for table in tables_to_copy():
            if target_connection.execute(select(func.count()).select_from(table)).scalar_one():
                raise NpsConnectError(f"the target is not empty: table {table.name} has rows; nothing was copied")
        copies = [
            TableCopy(
                table.name,
                _copy_table(table, source_connection, target_connection, on_progress),
                _has_same_content(table, source_connection, target_connection),
            )
            for table in tables_to_copy()
        ]
        different = [table_copy.table for table_copy in copies if not table_copy.equal]
        if different:
            raise NpsConnectError(f"these tables differ after the copy: {', '.join(different)}; nothing was copied")
    yield from copies


def _copy_table(table: Table, source: Connection, target: Connection, on_progress: Callable[[str, int], None]) -> int:
    """Copy the rows; references within the table are set afterwards, when every row exists."""
    self_references = [key.parent.name for key in table.foreign_keys if key.column.table is table]
    copied = 0
    references_by_id: list[tuple[int, dict[str, object]]] = []
    query = select(table).order_by(*table.primary_key.columns)
    for rows in source.execution_options(yield_per=COPY_BATCH_SIZE).execute(query).mappings().partitions():
        batch = [dict(row) for row in rows]
        for row in batch:
            references = {name: row[name] for name in self_references if row[name] is not None}
            if references:
                references_by_id.append((row["id"], references))
                row.update(dict.fromkeys(references))
        target.execute(insert(table), batch)
        copied += len(batch)
        on_progress(table.name, copied)
    for row_id, references in references_by_id:
        target.execute(update(table).where(table.c.id == row_id).values(**references))
    _reset_id_sequence(table, target)
    return copied


def _reset_id_sequence(table: Table, target: Connection) -> None:
    """Let PostgreSQL give new rows the ids after the copied ones."""
    if target.dialect.name != "sqlite" and "id" in table.c and isinstance(table.c.id.type.as_generic(), Integer):
        target.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "  # noqa: S608  # our own name
                f"(SELECT coalesce(max(id), 0) + 1 FROM {table.name}), false)"
            )
        )


def _has_same_content(table: Table, source: Connection, target: Connection) -> bool:
    sums = [func.coalesce(func.sum(column), 0) for column in table.columns if isinstance(column.type, Integer)]
    query = select(func.count(), *sums).select_from(table)
    return list(map(int, source.execute(query).one())) == list(map(int, target.execute(query).one()))
