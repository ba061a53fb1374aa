"""Read a CSV file as a header and rows, line by line; errors name their line."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from nps_connect.rules.imports.row_errors import InvalidImportFile

DELIMITERS = (";", ",", "\t", "|")
"""Delimiters that are detected. Excel writes semicolons where the comma is the decimal separator."""

MAX_LINE_LENGTH = 1_000_000
MAX_CELL_LENGTH = 20_000
MAX_COLUMNS = 1_000

_SEPARATOR_LINE = re.compile(r'"?sep=([^"\s]|\t)"?[\r\n]*', re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_QUOTE_FIX = "close the quote, and write a quote inside a cell twice"


@dataclass(frozen=True)
class CsvRow:
    """One row.

    Attributes:
        line: line number at which it begins, counted from 1.
        cells: as many as the header has, without surrounding white space.
        error: why the cells cannot be used, or None.
    """

    line: int
    cells: tuple[str, ...]
    error: str | None = None


@dataclass(frozen=True)
class CsvTable:
    """An opened CSV file.

    Attributes:
        header: names of the columns.
        delimiter: character between cells.
        rows: rows below the header without empty ones; raises `InvalidImportFile` at a line that is no table row.
    """

    header: tuple[str, ...]
    delimiter: str
    rows: Iterator[CsvRow]


def read_lines(read: Callable[[int], str]) -> Iterator[str]:
    """Yield the lines of a text stream, including their line ends.

    Args:
        read: ``readline`` of a stream that was opened with ``newline=""``.

    Raises:
        InvalidImportFile: a line is longer than `MAX_LINE_LENGTH`, or has bytes that are not in the encoding.
    """
    number = 0
    while True:
        number += 1
        try:
            line = read(MAX_LINE_LENGTH)
        except UnicodeError:
            problem = "from here on the file is not in the encoding that it was read in"
            raise InvalidImportFile(problem, line=number, fix="name its encoding with --encoding") from None
        if not line:
            return
        if len(line) == MAX_LINE_LENGTH and not line.endswith(("\n", "\r")):
            problem = f"the line is longer than {MAX_LINE_LENGTH} characters"
            raise InvalidImportFile(problem, line=number, fix="export the file again as CSV, one record a line")
        yield line


def read_table(lines: Iterable[str], delimiter: str | None = None, *, list_header: tuple[str, ...] = ()) -> CsvTable:
    """Read the header; the rows are read on demand.

    Args:
        lines: including line ends, as `read_lines` yields them.
        delimiter: character between cells; None means detect it from the header.
        list_header: column names of a file without a header, whose first line holds an address already.

    Raises:
        InvalidImportFile: the header is missing or invalid.
    """
    stream = iter(lines)
    number, first = _first_line(stream)
    separator_line = _SEPARATOR_LINE.fullmatch(first)
    if separator_line is not None:
        delimiter = delimiter or separator_line[1]
        more, first = _first_line(stream)
        number += more
    delimiter = delimiter or _detect_delimiter(first)
    rows = _Rows(first, stream, delimiter, number)
    head = next(rows, None)
    if head is None:
        raise InvalidImportFile("there is no header", line=number, fix="begin with a line of column names")
    header = tuple(name.strip().lstrip("\ufeff").strip() for name in head.cells)
    table_rows: Iterable[CsvRow] = rows
    if list_header and any(map(_ADDRESS.fullmatch, header)):
        table_rows, header = chain([CsvRow(head.line, header)], rows), list_header
    _check_header(header, head.line)
    return CsvTable(header, delimiter, (_fit_to_header(row, len(header)) for row in table_rows))


def _first_line(stream: Iterator[str]) -> tuple[int, str]:
    """Return the number of read lines and the first line that is not empty."""
    number = 0
    for number, line in enumerate(stream, start=1):
        if line.strip("\ufeff \t\r\n"):
            return number, line.lstrip("\ufeff")
    raise InvalidImportFile("the file is empty", line=max(number, 1), fix="export it again")


def _detect_delimiter(line: str) -> str:
    unquoted = _QUOTED.sub("", line)
    delimiter = max(DELIMITERS, key=unquoted.count)
    return delimiter if delimiter in unquoted else ","


def _check_header(header: tuple[str, ...], line: int) -> None:
    if len(header) > MAX_COLUMNS:
        raise InvalidImportFile(f"there are more than {MAX_COLUMNS} columns", line=line, fix="export fewer")
    if any("\0" in name for name in header):
        raise InvalidImportFile(
            "the header holds a NUL byte: this is not text", line=line, fix="export it again as CSV"
        )
    if any(_ADDRESS.fullmatch(name) for name in header):
        problem = "there is no header: the first line holds an e-mail address already"
        raise InvalidImportFile(problem, line=line, fix="put a line of column names above it")


class _Rows:
    """Iterator over rows that records the line at which each begins."""

    def __init__(self, first: str, stream: Iterator[str], delimiter: str, number: int) -> None:
        self._read = number - 1
        self._cells = csv.reader(self._numbered(first, stream), delimiter=delimiter, strict=True)

    def _numbered(self, first: str, stream: Iterator[str]) -> Iterator[str]:
        self._read += 1
        yield first
        for line in stream:
            self._read += 1
            yield line

    def __iter__(self) -> Iterator[CsvRow]:
        return self

    def __next__(self) -> CsvRow:
        while True:
            first_line = self._read + 1
            try:
                cells = next(self._cells)
            except csv.Error as error:
                raise _quote_error(error, first_line) from None
            if any(cell.strip() for cell in cells):
                return CsvRow(first_line, tuple(cells))


def _quote_error(error: csv.Error, line: int) -> InvalidImportFile:
    text = str(error)
    if "unexpected end" in text or "field larger" in text:
        return InvalidImportFile("a quote is opened in this row and not closed", line=line, fix=_QUOTE_FIX)
    return InvalidImportFile("something follows a closing quote inside its cell", line=line, fix=_QUOTE_FIX)


def _fit_to_header(row: CsvRow, width: int) -> CsvRow:
    """Pad or check the row to the width of the header: Excel omits empty cells at the end."""
    cells = tuple(cell.strip() for cell in row.cells)
    error = None
    if any(cells[width:]):
        error = f"{len(cells)} cells under {width} column names: a delimiter inside a cell needs quotes around it"
    elif any("\0" in cell for cell in cells):
        error = "a NUL byte"
    elif any(len(cell) > MAX_CELL_LENGTH for cell in cells):
        error = f"a cell of more than {MAX_CELL_LENGTH} characters"
    return CsvRow(row.line, (*cells, *("",) * (width - len(cells)))[:width], error)
