"""People of an archive by their id at the other tool, on disk, so that memory does not grow with the archive."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

from nps_connect.rules.imports.columns import ColumnMapping
from nps_connect.rules.imports.csv_table import CsvRow

KEPT_FIELDS = ("email", "name", "first_name", "language")


class PeopleIndex:
    """Temporary store of addresses and names, deleted when it is closed."""

    def __init__(self) -> None:
        self._store = sqlite3.connect("", isolation_level=None)
        self._store.execute(
            "CREATE TABLE people (id TEXT PRIMARY KEY, email, name, first_name, language) WITHOUT ROWID"
        )
        self._store.execute("BEGIN")
        self.has_people = False

    def __enter__(self) -> Self:
        """Open for a block."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Delete the store."""
        self._store.close()

    def add(self, rows: Iterable[CsvRow], columns: ColumnMapping) -> None:
        """Add the people of a file; of several rows with one id the first counts."""
        statement = "INSERT INTO people VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        for row in rows:
            values = columns.values(row.cells)
            if row.error is None and "person_id" in values:
                self._store.execute(statement, (values["person_id"], *map(values.get, KEPT_FIELDS)))
                self.has_people = True

    def complete(self, values: Mapping[str, str]) -> Mapping[str, str]:
        """Return the cells of a row with what the index knows of its person; cells of the row come first."""
        if not self.has_people or "email" in values or "person_id" not in values:
            return values
        query = "SELECT email, name, first_name, language FROM people WHERE id = ?"
        stored = self._store.execute(query, (values["person_id"],)).fetchone()
        if stored is None:
            return values
        return {name: text for name, text in zip(KEPT_FIELDS, stored, strict=True) if text} | dict(values)
