"""A CSV file that can be read several times with constant memory."""

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
"""Called with the number of read bytes and the size of the file."""


@dataclass(frozen=True)
class ImportFile:
    """A file whose encoding and header are known.

    Attributes:
        path: path of the file.
        encoding: detected or given encoding.
        delimiter: character between cells.
        header: names of the columns.
        version: size and modification time (nanoseconds), to detect changes.
    """

    path: Path
    encoding: Encoding
    delimiter: str
    header: tuple[str, ...]
    version: tuple[int, int]

    def rows(self, on_progress: ByteProgress = lambda _done, _total: None) -> Iterator[CsvRow]:
        """Yield the rows below the header.

        Raises:
            InvalidImportFile: the file is not a table from some line on, or has changed since it was opened.
        """
        size = self.version[0]
        if _file_version(self.path) != self.version:
            raise InvalidImportFile("the file was changed while it was read", line=1, fix="run the command again")
        with self.path.open("rb") as raw, TextIOWrapper(raw, encoding=self.encoding.codec, newline="") as stream:
            for number, row in enumerate(read_table(read_lines(stream.readline), self.delimiter).rows):
                if number % ROWS_PER_PROGRESS == 0:
                    on_progress(min(raw.tell(), size), size)
                yield row
        on_progress(size, size)


def open_import_file(path: Path, *, codec: str | None = None, delimiter: str | None = None) -> ImportFile:
    """Read the encoding and the header of a file.

    Args:
        path: path of the file.
        codec: Python name of the encoding; None means detect it.
        delimiter: character between cells; None means detect it.

    Raises:
        InvalidImportFile: the file is not a table.
        OSError: the file cannot be read.
    """
    version = _file_version(path)
    encoding = Encoding(codec, codec) if codec else detect_encoding(_read_chunks(path))
    with path.open("r", encoding=encoding.codec, newline="") as stream:
        table = read_table(read_lines(stream.readline), delimiter)
    return ImportFile(path, encoding, table.delimiter, table.header, version)


def iter_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    stream = iter(items)
    while batch := list(islice(stream, size)):
        yield batch


def _read_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def _file_version(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
