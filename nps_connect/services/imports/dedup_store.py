"""Fingerprints of the rows of files on disk, so that memory does not grow with the files."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self


class DedupStore:
    """Temporary store of fingerprints, deleted when it is closed; holds no addresses."""

    def __init__(self) -> None:
        self._store = sqlite3.connect("", isolation_level=None)
        self._store.execute(
            "CREATE TABLE claims (fingerprint BLOB PRIMARY KEY, file INTEGER, line INTEGER) WITHOUT ROWID"
        )
        self._store.execute("CREATE TABLE newest (fingerprint BLOB PRIMARY KEY, at REAL, score INTEGER) WITHOUT ROWID")
        self._store.execute("BEGIN")
        self._files = [""]
        self._file = 0

    def __enter__(self) -> Self:
        """Open for a block."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Delete the store."""
        self._store.close()

    def begin_file(self, name: str) -> None:
        """Count the following rows as those of the file with this path."""
        if name not in self._files:
            self._files.append(name)
        self._file = self._files.index(name)

    def claim(self, key: str, line: int) -> str | None:
        """Claim a key for a line of the present file; return where it was claimed first, or None if it was here."""
        fingerprint = _fingerprint(key)
        values = (fingerprint, self._file, line)
        if self._store.execute("INSERT INTO claims VALUES (?, ?, ?) ON CONFLICT DO NOTHING", values).rowcount:
            return None
        query = "SELECT file, line FROM claims WHERE fingerprint = ?"
        [(file, first_line)] = self._store.execute(query, (fingerprint,))
        if (file, first_line) == (self._file, line):
            return None
        return f"line {first_line}" if file == self._file else f"line {first_line} of {Path(self._files[file]).name}"

    def is_claimed(self, key: str) -> bool:
        """Whether a line has claimed a key."""
        query = "SELECT 1 FROM claims WHERE fingerprint = ?"
        return self._store.execute(query, (_fingerprint(key),)).fetchone() is not None

    def record_score(self, person: str, at: datetime, score: int) -> None:
        """Keep the score of a person if it is the newest."""
        self._store.execute(
            "INSERT INTO newest VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET at = excluded.at, score = excluded.score WHERE excluded.at > at",
            (_fingerprint(person), at.timestamp(), score),
        )

    def count_newest_scores(self) -> list[tuple[int, int]]:
        """Each score with the number of people whose newest score it is."""
        return self._store.execute("SELECT score, count(*) FROM newest GROUP BY score").fetchall()


def _fingerprint(key: str) -> bytes:
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
