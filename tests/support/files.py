"""Files for tests."""

from __future__ import annotations

from pathlib import Path


def copy_file(template: Path, path: Path) -> None:
    """Put a copy of a SQLite file in place of another one, of which nothing is left."""
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    path.write_bytes(template.read_bytes())
