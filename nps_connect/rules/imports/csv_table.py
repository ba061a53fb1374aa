"""A CSV file as rows under a header, read line by line; what is not a table is refused with its line."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from nps_connect.rules.imports.row_errors import InvalidImportFile

DELIMITERS = (";", ",", "\t", "|")
"""Those that are found by themselves; the semicolon is what Excel writes where the comma is a decimal sign."""

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
        line: where it begins, counted from 1.
        cells: as many as the header has, without the white space around them.
        fault: what is wrong with it, or none; then its cells mean nothing.
    """

    line: int
    cells: tuple[str, ...]
    error: str | None = None


@dataclass(frozen=True)
class CsvTable:
    """A file that has been opened.

    Attributes:
        header: the names of the columns.
        delimiter: what stands between cells.
        rows: what is below the header, in order; empty ones are left out. Raises `InvalidImportFile` where it stops being a
            table.
    """

    header: tuple[str, ...]
    delimiter: str
    rows: Iterator[CsvRow]


def read_lines(read: Callable[[int], str]) -> Iterator[str]:
    """The lines of a text stream that was opened with ``newline=""``, their ends included, never a longer one.

    Args:
        read: the stream's ``readline``.

    Raises:
        FileRefused: a line without end, or bytes that are not in the encoding.
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


def read_table(lines: Iterable[str], delimiter: str | None = None) -> CsvTable:
    """Read a header; the rows follow as they are asked for.

    Args:
        lines: with their ends, as `read_lines` gives them.
        delimiter: between cells; none = found from the header.

    Raises:
        FileRefused: there is no header, or it is not one.
    """
    stream = iter(lines)
    number, first = _first_line(stream)
    told = _SEPARATOR_LINE.fullmatch(first)
    if told is not None:
        delimiter = delimiter or told[1]
        more, first = _first_line(stream)
        number += more
    delimiter = delimiter or _detect_delimiter(first)
    rows = _Rows(first, stream, delimiter, number)
    head = next(rows, None)
    if head is None:
        raise InvalidImportFile("there is no header", line=number, fix="begin with a line of column names")
    header = tuple(name.strip().lstrip("\ufeff").strip() for name in head.cells)
    _check_header(header, head.line)
    return CsvTable(header, delimiter, (_fit_to_header(row, len(header)) for row in rows))


def _first_line(stream: Iterator[str]) -> tuple[int, str]:
    """The first line that is not empty, and how many lines that took."""
    number = 0
    for number, line in enumerate(stream, start=1):
        if line.strip("\ufeff \t\r\n"):
            return number, line.lstrip("\ufeff")
    raise InvalidImportFile("the file is empty", line=max(number, 1), fix="export it again")


def _detect_delimiter(line: str) -> str:
    bare = _QUOTED.sub("", line)
    found = max(DELIMITERS, key=bare.count)
    return found if found in bare else ","


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
    """Rows as they come; knows at which line each begins."""

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
            begins = self._read + 1
            try:
                cells = next(self._cells)
            except csv.Error as error:
                raise _quote_error(error, begins) from None
            if any(cell.strip() for cell in cells):
                return CsvRow(begins, tuple(cells))


def _quote_error(error: csv.Error, line: int) -> InvalidImportFile:
    text = str(error)
    if "unexpected end" in text or "field larger" in text:
        return InvalidImportFile("a quote is opened in this row and not closed", line=line, fix=_QUOTE_FIX)
    return InvalidImportFile("something follows a closing quote inside its cell", line=line, fix=_QUOTE_FIX)


def _fit_to_header(row: CsvRow, width: int) -> CsvRow:
    """A row with as many cells as the header: Excel leaves empty ones at the end out."""
    cells = tuple(cell.strip() for cell in row.cells)
    fault = None
    if any(cells[width:]):
        fault = f"{len(cells)} cells under {width} column names: a delimiter inside a cell needs quotes around it"
    elif any("\0" in cell for cell in cells):
        fault = "a NUL byte"
    elif any(len(cell) > MAX_CELL_LENGTH for cell in cells):
        fault = f"a cell of more than {MAX_CELL_LENGTH} characters"
    return CsvRow(row.line, (*cells, *("",) * (width - len(cells)))[:width], fault)
