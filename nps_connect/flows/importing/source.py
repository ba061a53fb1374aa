"""A file as a table that can be read several times, with constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import TypeVar

from nps_connect.rules.importing.encoding import Encoding, find_encoding
from nps_connect.rules.importing.faults import FileRefused
from nps_connect.rules.importing.table import Row, lines_of, read_table

T = TypeVar("T")

PIECE = 1 << 20
TOLD_EVERY = 1000

Told = Callable[[int, int], object]
"""Hears how many of how many bytes are done."""


@dataclass(frozen=True)
class Source:
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

    def rows(self, told: Told = lambda _done, _all: None) -> Iterator[Row]:
        """What is below the header.

        Raises:
            FileRefused: it is no table there, or the file was changed since it was looked at.
        """
        size = self.stamp[0]
        if _stamp(self.path) != self.stamp:
            raise FileRefused("the file was changed while it was read", line=1, fix="run the command again")
        with self.path.open("rb") as raw, TextIOWrapper(raw, encoding=self.encoding.codec, newline="") as stream:
            for number, row in enumerate(read_table(lines_of(stream.readline), self.delimiter).rows):
                if number % TOLD_EVERY == 0:
                    told(min(raw.tell(), size), size)
                yield row
        told(size, size)


def open_source(path: Path, *, codec: str | None = None, delimiter: str | None = None) -> Source:
    """Look at a file: its encoding and its header.

    Args:
        path: where it is.
        codec: its encoding; none = found out.
        delimiter: between cells; none = found out.

    Raises:
        FileRefused: it is not a table.
        OSError: it cannot be read.
    """
    stamp = _stamp(path)
    encoding = Encoding(codec, codec) if codec else find_encoding(_pieces(path))
    with path.open("r", encoding=encoding.codec, newline="") as stream:
        table = read_table(lines_of(stream.readline), delimiter)
    return Source(path, encoding, table.delimiter, table.header, stamp)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most so many."""
    stream = iter(items)
    while batch := list(islice(stream, size)):
        yield batch


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece


def _stamp(path: Path) -> tuple[int, int]:
    told = path.stat()
    return told.st_size, told.st_mtime_ns
