"""Find the line of every key of a TOML file: `tomllib` returns values without positions."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left

from nps_connect.settings.key_paths import KeyPath

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACES = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}(?!")|\'\'\'.*?\'{3,5}(?!\')|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''', re.DOTALL
)
_SCALAR = re.compile(r"[^,\]}\n#]+")


def find_lines(text: str) -> dict[KeyPath, int]:
    """Return the line of each table, key and list item, counted from 1.

    Args:
        text: valid TOML.
    """
    return _Scanner(text).scan()


class _Scanner:
    """Walks through valid TOML once; what the values are does not matter."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._line_ends = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[KeyPath, int] = {}
        self._list_lengths: dict[KeyPath, int] = {}

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip(_BLANK) < len(self._text):
            if self._take("[["):
                table = self._next_item(self._resolve(self._read_keys()))
                self._take("]]")
            elif self._take("["):
                table = self._resolve(self._read_keys())
                self._record(table)
                self._take("]")
            else:
                self._read_assignment(table)
        return self._lines

    def _resolve(self, keys: KeyPath) -> KeyPath:
        """Return the key path of a table heading, which means the last item of each list of tables on its way."""
        path: KeyPath = ()
        for number, key in enumerate(keys, start=1):
            path = (*path, key)
            if number < len(keys) and path in self._list_lengths:
                path = (*path, self._list_lengths[path] - 1)
        return path

    def _next_item(self, path: KeyPath) -> KeyPath:
        self._record(path)
        index = self._list_lengths.get(path, 0)
        self._list_lengths[path] = index + 1
        self._record((*path, index))
        return (*path, index)

    def _read_keys(self) -> KeyPath:
        """Read a dotted key, up to the character that ends it."""
        keys: list[str] = []
        while True:
            self._skip(_SPACES)
            match = _KEY.match(self._text, self._position)
            if match is None:
                return tuple(keys)
            self._position = match.end()
            key = match[0]
            keys.append(next(iter(tomllib.loads(f"{key} = 0"))) if key[0] in "\"'" else key)
            self._skip(_SPACES)
            if not self._take("."):
                return tuple(keys)

    def _read_assignment(self, table: KeyPath) -> None:
        path = (*table, *self._read_keys())
        self._record(path)
        self._take("=")
        self._skip(_SPACES)
        self._read_value(path)

    def _read_value(self, path: KeyPath) -> None:
        if self._take("["):
            index = 0
            while self._skip_to_item("]"):
                self._record((*path, index))
                self._read_value((*path, index))
                index += 1
        elif self._take("{"):
            while self._skip_to_item("}"):
                self._read_assignment(path)
        else:
            pattern = _STRING if self._text[self._position : self._position + 1] in ('"', "'") else _SCALAR
            self._skip(pattern)

    def _skip_to_item(self, end: str) -> bool:
        """Skip what separates two items; returns False after the end of the list or table."""
        self._skip(_BLANK)
        if self._take(","):
            self._skip(_BLANK)
        return not self._take(end)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._position)
        self._position = match.end() if match else len(self._text)
        return self._position

    def _take(self, token: str) -> bool:
        is_next = self._text.startswith(token, self._position)
        self._position += len(token) if is_next else 0
        return is_next

    def _record(self, path: KeyPath) -> None:
        """Record the current line of a key, and of the tables around it that have no heading."""
        line = bisect_left(self._line_ends, self._position) + 1
        for length in range(1, len(path) + 1):
            self._lines.setdefault(path[:length], line)
