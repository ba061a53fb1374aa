"""A CSV or JSON file that can be read several times with constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import TextIO, TypeVar

from nps_connect.rules.imports.charset import Encoding, detect_encoding
from nps_connect.rules.imports.columns import normalize_name
from nps_connect.rules.imports.csv_table import MAX_COLUMNS, CsvRow, read_lines, read_table
from nps_connect.rules.imports.json_table import flatten, json_row, read_records
from nps_connect.rules.imports.row_errors import InvalidImportFile

T = TypeVar("T")

CHUNK_BYTES = 1 << 20
ROWS_PER_PROGRESS = 1000
RECORDS_OF_HEADER = 1000
"""Objects of a JSON file whose keys become columns."""

ByteProgress = Callable[[int, int], object]
"""Called with the number of read bytes and the size of the file."""


@dataclass(frozen=True)
class ImportFile:
    """A file whose encoding and header are known.

    Attributes:
        path: path of the file.
        encoding: detected or given encoding.
        delimiter: character between cells; None for JSON.
        header: names of the columns; of JSON, the keys of the first objects, and empty without any object.
        version: size and modification time (nanoseconds), to detect changes.
        list_header: see `open_import_file`.
    """

    path: Path
    encoding: Encoding
    delimiter: str | None
    header: tuple[str, ...]
    version: tuple[int, int]
    list_header: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """What the number of a row counts: lines, or the entries of a JSON file."""
        return "entry" if self.delimiter is None else "line"

    def with_columns(self, names: Iterable[str]) -> ImportFile:
        """Return the file with further columns: in JSON, keys that none of the first objects has may come later."""
        if self.delimiter is not None:
            return self
        existing = set(map(normalize_name, self.header))
        name_by_key: dict[str, str] = {}
        for name in names:
            name_by_key.setdefault(normalize_name(name), name)
        further = [name for key, name in name_by_key.items() if key not in existing]
        return replace(self, header=(*self.header, *further))

    def rows(self, on_progress: ByteProgress = lambda _done, _total: None) -> Iterator[CsvRow]:
        """Yield the rows below the header.

        Raises:
            InvalidImportFile: the file is not a table from some line on, or has changed since it was opened.
        """
        size = self.version[0]
        if _file_version(self.path) != self.version:
            raise InvalidImportFile("the file was changed while it was read", line=1, fix="run the command again")
        with self.path.open("rb") as raw, TextIOWrapper(raw, encoding=self.encoding.codec, newline="") as stream:
            for number, row in enumerate(self._read(stream)):
                if number % ROWS_PER_PROGRESS == 0:
                    on_progress(min(raw.tell(), size), size)
                yield row
        on_progress(size, size)

    def _read(self, stream: TextIOWrapper) -> Iterator[CsvRow]:
        if self.delimiter is not None:
            yield from read_table(read_lines(stream.readline), self.delimiter, list_header=self.list_header).rows
            return
        for number, record in enumerate(read_records(stream.read), start=1):
            yield json_row(number, record, self.header)


def open_import_file(
    path: Path, *, codec: str | None = None, delimiter: str | None = None, list_header: tuple[str, ...] = ()
) -> ImportFile:
    """Read the encoding and the header of a file.

    Args:
        path: path of the file.
        codec: Python name of the encoding; None means detect it.
        delimiter: character between cells; None means detect it.
        list_header: column names of a file without a header, whose first line holds an address already.

    Raises:
        InvalidImportFile: the file is not a table.
        OSError: the file cannot be read.
    """
    version = _file_version(path)
    encoding = Encoding(codec, codec) if codec else detect_encoding(_read_chunks(path))
    with path.open("r", encoding=encoding.codec, newline="") as stream:
        if delimiter is None and _is_json(stream):
            return ImportFile(path, encoding, None, _read_keys(stream), version)
        table = read_table(read_lines(stream.readline), delimiter, list_header=list_header)
    return ImportFile(path, encoding, table.delimiter, table.header, version, list_header)


def _is_json(stream: TextIO) -> bool:
    """Whether a file begins like a list of objects or an object; rewinds it."""
    try:
        beginning = "".join(stream.read(CHUNK_BYTES).lstrip("\ufeff").split())[:2]
    except UnicodeError:
        beginning = ""  # reported by line when it is read
    stream.seek(0)
    return beginning in ("[{", "[]", "{}") or beginning.startswith('{"')


def _read_keys(stream: TextIO) -> tuple[str, ...]:
    """Return the keys of the first objects of a JSON file."""
    names: dict[str, None] = {}
    for record in islice(read_records(stream.read), RECORDS_OF_HEADER):
        names.update((name, None) for name, _ in flatten(record))
        if len(names) > MAX_COLUMNS:
            raise InvalidImportFile(f"there are more than {MAX_COLUMNS} keys", line=1, fix="export fewer")
    return tuple(names)


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
