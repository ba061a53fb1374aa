"""What was met in a file before, kept on disk: a million lines need no more memory than ten."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from hashlib import blake2b
from types import TracebackType
from typing import Self


class DedupStore:
    """A temporary store that is gone when it is closed; holds fingerprints, no addresses."""

    def __init__(self) -> None:
        self._store = sqlite3.connect("", isolation_level=None)
        self._store.execute("CREATE TABLE met (print BLOB PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        self._store.execute("CREATE TABLE newest (print BLOB PRIMARY KEY, at REAL, score INTEGER) WITHOUT ROWID")
        self._store.execute("BEGIN")

    def __enter__(self) -> Self:
        """Open for a block."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Forget everything."""
        self._store.close()

    def owner(self, what: str, line: int) -> int:
        """The line that something belongs to: the first that claimed it, which may be this one."""
        found = _digest(what)
        added = self._store.execute("INSERT INTO met VALUES (?, ?) ON CONFLICT DO NOTHING", (found, line))
        if added.rowcount:
            return line
        [(first,)] = self._store.execute("SELECT line FROM met WHERE print = ?", (found,))
        return int(first)

    def has(self, what: str) -> bool:
        """Whether it was claimed."""
        return bool(self._store.execute("SELECT 1 FROM met WHERE print = ?", (_digest(what),)).fetchone())

    def record_score(self, person: str, at: datetime, score: int) -> None:
        """Keep the newest answer of each person."""
        self._store.execute(
            "INSERT INTO newest VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET at = excluded.at, score = excluded.score WHERE excluded.at > at",
            (_digest(person), at.timestamp(), score),
        )

    def count_newest_scores(self) -> list[tuple[int, int]]:
        """How many people have each score as their newest one."""
        return self._store.execute("SELECT score, count(*) FROM newest GROUP BY score").fetchall()


def _digest(what: str) -> bytes:
    return blake2b(what.encode("utf-8", "surrogatepass"), digest_size=16).digest()
