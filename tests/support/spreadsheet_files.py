"""CSV files as written by spreadsheet programs."""

from __future__ import annotations

from pathlib import Path


def write_csv(folder: Path, name: str, *rows: tuple[str, ...], codec: str = "cp1252", delimiter: str = ";") -> str:
    """Write rows as French Excel does and return the file name."""
    text = "".join(delimiter.join(cells) + "\r\n" for cells in rows)
    (folder / name).write_bytes(text.encode(codec))
    return name


def write_bytes(folder: Path, name: str, body: bytes) -> str:
    """Write bytes and return the file name."""
    (folder / name).write_bytes(body)
    return name
