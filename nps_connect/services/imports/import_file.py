"""A file as a table that can be read several times, with constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import TypeVar

from nps_connect.rules.imports.charset import Encoding, detect_encoding
from nps_connect.rules.imports.csv_table import CsvRow, read_lines, read_table
from nps_connect.rules.imports.row_errors import InvalidImportFile

T = TypeVar("T")

CHUNK_BYTES = 1 << 20
ROWS_PER_PROGRESS = 1000

ByteProgress = Callable[[int, int], object]
"""Hears how many of how many bytes are done."""


@dataclass(frozen=True)
class ImportFile:
    """A file that was looked at.

    Attributes:
        path: where it is.
        encoding: what its bytes mean.
        delimiter: what stands between cells.
        header: the names of its columns.
        stamp: its size and the moment of its last change.
    """

    path: Path
    encoding: Encoding
    delimiter: str
    header: tuple[str, ...]
    stamp: tuple[int, int]

    def rows(self, told: ByteProgress = lambda _done, _all: None) -> Iterator[CsvRow]:
        """What is below the header.

        Raises:
            FileRefused: it is no table there, or the file was changed since it was looked at.
        """
        size = self.stamp[0]
        if _file_version(self.path) != self.stamp:
            raise InvalidImportFile("the file was changed while it was read", line=1, fix="run the command again")
        with self.path.open("rb") as raw, TextIOWrapper(raw, encoding=self.encoding.codec, newline="") as stream:
            for number, row in enumerate(read_table(read_lines(stream.readline), self.delimiter).rows):
                if number % ROWS_PER_PROGRESS == 0:
                    told(min(raw.tell(), size), size)
                yield row
        told(size, size)


def open_import_file(path: Path, *, codec: str | None = None, delimiter: str | None = None) -> ImportFile:
    """Look at a file: its encoding and its header.

    Args:
        path: where it is.
        codec: its encoding; none = found out.
        delimiter: between cells; none = found out.

    Raises:
        FileRefused: it is not a table.
        OSError: it cannot be read.
    """
    stamp = _file_version(path)
    encoding = Encoding(codec, codec) if codec else detect_encoding(_read_chunks(path))
    with path.open("r", encoding=encoding.codec, newline="") as stream:
        table = read_table(read_lines(stream.readline), delimiter)
    return ImportFile(path, encoding, table.delimiter, table.header, stamp)


def iter_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most so many."""
    stream = iter(items)
    while batch := list(islice(stream, size)):
        yield batch


def _read_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(CHUNK_BYTES):
            yield piece


def _file_version(path: Path) -> tuple[int, int]:
    told = path.stat()
    return told.st_size, told.st_mtime_ns
