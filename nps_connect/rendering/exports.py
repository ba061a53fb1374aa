"""Rows of an export as pieces of text: CSV that a spreadsheet opens safely, and JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from nps_connect.rules.formula_injection import escape_formula
from nps_connect.sanitization import CONTROL_CHARACTERS

UTF8_BOM = "\ufeff"
"""Lets Excel read a CSV as UTF-8."""

DELIMITERS = {"semicolon": ";", "comma": ",", "tab": "\t", "pipe": "|"}


def iter_csv(
    rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...], *, delimiter: str, excel: bool, raw: bool = False
) -> Iterator[str]:
    """Yield the header and a line per row, as the rows are read.

    Args:
        rows: the rows.
        columns: their columns.
        delimiter: a key of `DELIMITERS`.
        excel: begin with a byte order mark.
        raw: do not escape cells that a spreadsheet interprets as formulas.
    """
    writer = csv.writer(_Echo(), delimiter=DELIMITERS[delimiter], lineterminator="\n")
    yield (UTF8_BOM if excel else "") + writer.writerow(columns)
    for row in rows:
        cells = (_format_cell(row[name]) for name in columns)
        yield writer.writerow(cells if raw else map(escape_formula, cells))


def iter_json_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield one JSON object per line."""
    for row in rows:
        yield dump_row(row) + "\n"


def dump_row(row: Mapping[str, Any]) -> str:
    """Return a row as a JSON object; times to the second."""
    moments = {name: _format_cell(value) for name, value in row.items() if isinstance(value, datetime)}
    return dump_json({**row, **moments})


def dump_json(data: object, *, indent: int | None = None) -> str:
    """Return data as JSON: times in ISO 8601, other unsupported types as text, control characters escaped."""
    text = json.dumps(data, ensure_ascii=False, indent=indent, default=_json_default)
    return CONTROL_CHARACTERS.sub(lambda match: json.dumps(match[0])[1:-1], text)


def _json_default(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


class _Echo:
    """A stream whose `write` returns what it is given, so that `csv.writer` does too."""

    def write(self, text: str) -> str:
        return text


def _format_cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return "" if value is None else str(value)
