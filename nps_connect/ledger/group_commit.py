"""Group commit: rows that arrive at the same moment share one commit, and each is durable before its answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import Session

from nps_connect.ledger.columns import Base


@dataclass(eq=False)
class NewRow:
    """A row that is to be inserted; it knows its id afterwards."""

    kind: type[Base]
    values: dict[str, Any]
    id: int | None = None


@dataclass(eq=False)
class _PendingInsert:
    row: NewRow
    done: bool = False
    error: Exception | None = None


class GroupCommit:
    """While one commit is on its way to the disk, those who come wait, and go together in the next one.

    Args:
        write: opens a transaction.
    """

    def __init__(self, write: Callable[[], AbstractContextManager[Session]]) -> None:
        self._write = write
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._waiting: list[_PendingInsert] = []

    def add(self, row: Base) -> None:
        """Insert a row; it is durable, and knows its id, when this returns. Raises what the database raises."""
        table: Table = type(row).__table__  # type: ignore[attr-defined]
        new = NewRow(
            type(row), {column.name: getattr(row, column.name) for column in table.columns if column.name != "id"}
        )
        error = self.add_all([new])[0]
        if error is not None:
            raise error
        set_committed_value(row, "id", new.id)

    def add_all(self, rows: Sequence[NewRow]) -> list[Exception | None]:
        """Like `add` for several that name all their columns; gives what the database raised for each, or none."""
        entries = [_PendingInsert(row) for row in rows]
        with self._lock:
            self._waiting += entries
        with self._turn:
            if not all(entry.done for entry in entries):  # nobody took them along: it is our turn
                with self._lock:
                    group, self._waiting = self._waiting, []
                self._insert(group)
        return [entry.error for entry in entries]

    def _insert(self, group: list[_PendingInsert]) -> None:
        try:
            with self._write() as session:
                for kind in {entry.row.kind for entry in group}:
                    _insert_rows(session, kind, [entry.row for entry in group if entry.row.kind is kind])
        except Exception as error:  # noqa: BLE001  # told to those whom it concerns
            if len(group) == 1:
                group[0].error = error
            else:
                for entry in group:  # one bad row must not fail the others
                    self._insert([entry])
        for entry in group:
            entry.done = True


def _insert_rows(session: Session, kind: type[Base], rows: list[NewRow]) -> None:
    """One statement for all of them; each row learns its id."""
    ids = session.connection().execute(_insert_statement(kind), [row.values for row in rows]).scalars().all()
    for row, row_id in zip(rows, ids, strict=True):
        row.id = row_id


@cache
def _insert_statement(kind: type[Base]) -> ReturningInsert[int]:
    table: Table = kind.__table__  # type: ignore[attr-defined]
    return insert(table).returning(table.c.id, sort_by_parameter_order=True)
