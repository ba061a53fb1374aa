"""Read JSON as a table: a list of objects, objects line by line, or a page of an API around a list.

Memory holds one object at a time. Keys on the way to a value are joined by dots; lists stay JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from nps_connect.rules.imports.csv_table import MAX_CELL_LENGTH, CsvRow
from nps_connect.rules.imports.row_errors import InvalidImportFile

CHUNK_LENGTH = 1 << 16
MAX_OBJECT_LENGTH = 4_000_000
MAX_DEPTH = 6
"""Levels of keys that become columns; deeper ones are left out."""

PAGE_KEYS = frozenset({"data", "items", "results", "responses"})
"""Keys of a page, as APIs name them, under which its list or a further object stands."""

_SPACE = " \t\r\n"
_DECODER = json.JSONDecoder()
_FIX = "export the file again as JSON"


def read_records(read: Callable[[int], str]) -> Iterator[dict[str, Any]]:
    """Yield the objects; several lists in one file follow each other.

    Args:
        read: ``read`` of a text stream.

    Raises:
        InvalidImportFile: the file is not JSON, or holds something else than objects.
    """
    reader = _Reader(read)
    while reader.peek():
        yield from _read_value(reader, depth=0)


def _read_value(reader: _Reader, *, depth: int) -> Iterator[dict[str, Any]]:
    char = reader.peek()
    if char == "[":
        yield from _read_list(reader)
    elif char == "{" and depth < MAX_DEPTH:
        record: dict[str, Any] = {}
        is_page = False
        reader.take("{")
        while reader.peek() != "}":
            key = reader.decode()
            reader.take(":")
            if key in PAGE_KEYS and (reader.peek() == "[" or (reader.peek() == "{" and not record.get("id"))):
                is_page = True
                yield from _read_value(reader, depth=depth + 1)
            else:
                record[str(key)] = reader.decode()
            if reader.peek() == ",":
                reader.take(",")
        reader.take("}")
        if not is_page and record:
            yield record
    else:
        raise reader.error("a JSON object is expected here")


def _read_list(reader: _Reader) -> Iterator[dict[str, Any]]:
    reader.take("[")
    while (char := reader.peek()) != "]":
        value = reader.decode()
        if not isinstance(value, dict):
            raise reader.error("the list holds something else than objects")
        yield value
        if (char := reader.peek()) == ",":
            reader.take(",")
        elif char != "]":
            raise reader.error("a comma or the end of the list is expected here")
    reader.take("]")


class _Reader:
    """Decodes one value after another from a stream, and counts the lines."""

    def __init__(self, read: Callable[[int], str]) -> None:
        self._read, self._text, self._position, self._counted = read, "", 0, 0
        self._line = 1

    def peek(self) -> str:
        """Return the next character that is no white space; empty at the end of the file."""
        while True:
            text, position = self._text, self._position
            while position < len(text) and text[position] in _SPACE:
                position += 1
            self._position = position
            if position < len(text):
                return text[position]
            if not self._fill():
                return ""

    def take(self, char: str) -> None:
        """Skip an expected character."""
        if self.peek() != char:
            raise self.error(f"{char!r} is expected here")
        self._position += 1

    def decode(self) -> Any:  # noqa: ANN401  # any JSON value
        """Return the next value."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._position)
            except RecursionError:
                raise self.error(
                    "from here on the file is not JSON of any survey tool: it is nested too deeply"
                ) from None
            except ValueError:
                is_complete = False
            else:
                is_complete = end < len(self._text)  # a number may go on in the next chunk
            if is_complete:
                self._position = end
                return value
            if len(self._text) - self._position > MAX_OBJECT_LENGTH:
                raise self.error(f"an object of more than {MAX_OBJECT_LENGTH} characters")
            if not self._fill():
                return self._decode_last()

    def _decode_last(self) -> Any:  # noqa: ANN401
        try:
            value, self._position = _DECODER.raw_decode(self._text, self._position)
        except ValueError:
            raise self.error("from here on the file is not JSON, or it is cut off") from None
        return value

    def _fill(self) -> bool:
        """Read more text; return whether there was any."""
        number = self.current_line()
        try:
            chunk = self._read(max(CHUNK_LENGTH, len(self._text) - self._position))
        except UnicodeError:
            problem = "from here on the file is not in the encoding that it was read in"
            raise InvalidImportFile(problem, line=number, fix="name its encoding with --encoding") from None
        self._text, self._position, self._counted = self._text[self._position :] + chunk, 0, 0
        return bool(chunk)

    def current_line(self) -> int:
        """Number of the line at which reading has arrived."""
        self._line += self._text.count("\n", self._counted, self._position)
        self._counted = self._position
        return self._line

    def error(self, problem: str) -> InvalidImportFile:
        """Return the error at the present place."""
        return InvalidImportFile(problem, line=self.current_line(), fix=_FIX)


def flatten(record: dict[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield column name and text of each value of an object; null and an empty list are empty."""
    for key, value in record.items():
        if isinstance(value, str):
            yield prefix + key, value.strip()
        elif isinstance(value, dict):
            if depth < MAX_DEPTH:
                yield from flatten(value, f"{prefix}{key}.", depth + 1)
        elif type(value) is int:
            yield prefix + key, str(value)
        else:
            yield prefix + key, "" if value is None or value == [] else json.dumps(value, ensure_ascii=False)


def json_row(number: int, record: dict[str, Any], header: tuple[str, ...]) -> CsvRow:
    """Return an object as the row of a table with this header; its line is the object's number."""
    values = dict(flatten(record))
    cells = tuple([values.get(name, "") for name in header])
    text, error = "".join(cells), None
    if "\0" in text:
        error = "a NUL character"
    elif len(text) > MAX_CELL_LENGTH and any(len(cell) > MAX_CELL_LENGTH and cell[0] != "[" for cell in cells):
        error = f"a value of more than {MAX_CELL_LENGTH} characters"
    return CsvRow(number, cells, error)
