"""Exports: rows as CSV that a spreadsheet opens safely, as the JSON of a list, or as JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TextIO, TypeVar

import click

from nps_connect.cli._support.csv_input import DELIMITERS
from nps_connect.cli._support.output import dump_json

F = TypeVar("F", bound=Callable[..., Any])

UTF8_BOM = "\ufeff"


def export_options(command: F) -> F:
    """Add ``--output``, ``--delimiter``, ``--excel``, ``--raw`` and ``--json-lines``."""
    from pathlib import Path

    for option in (
        click.option("--json-lines", is_flag=True, help="Write one JSON object per line."),
        click.option("--raw", is_flag=True, help="Do not escape cells that a spreadsheet interprets as formulas."),
        click.option("--excel", is_flag=True, help="Add a byte order mark, so that Excel displays accents correctly."),
        click.option(
            "--delimiter",
            type=click.Choice(list(DELIMITERS)),
            default="comma",
            show_default=True,
            help="CSV delimiter.",
        ),
        click.option(
            "--output",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Write to this file instead of standard output.",
        ),
    ):
        command = option(command)
    return command


def write_rows(
    stream: TextIO,
    rows: Iterable[dict[str, Any]],
    columns: tuple[str, ...],
    *,
    as_json: bool,
    delimiter: str,
    excel: bool,
    raw: bool,
    json_lines: bool = False,
) -> int:
    """Write rows one by one; return their number.

    Args:
        stream: where to.
        rows: the rows.
        columns: their columns.
        as_json: write the object of a list instead of CSV.
        delimiter: a key of `DELIMITERS`.
        excel: add a byte order mark.
        raw: do not escape formulas.
        json_lines: write one JSON object per line instead.

    Raises:
        click.UsageError: two formats are asked for.
    """
    if json_lines and as_json:
        raise click.UsageError("--json and --json-lines exclude each other")
    if json_lines:
        return _write_json_lines(stream, rows)
    if as_json:
        return _write_json(stream, rows)
    stream.write(UTF8_BOM if excel else "")
    return _write_csv(stream, rows, columns, DELIMITERS[delimiter], raw=raw)


def _write_json(stream: TextIO, rows: Iterable[dict[str, Any]]) -> int:
    """Stream the object of a list; return the number of its items."""
    number = 0
    stream.write('{"items": [')
    for number, row in enumerate(rows, start=1):
        stream.write(("\n  " if number == 1 else ",\n  ") + _dump_row(row))
    stream.write(("\n]" if number else "]") + ', "next_cursor": null}\n')
    return number


def _write_json_lines(stream: TextIO, rows: Iterable[dict[str, Any]]) -> int:
    number = 0
    for number, row in enumerate(rows, start=1):  # noqa: B007  # the count is returned
        stream.write(_dump_row(row) + "\n")
    return number


def _dump_row(row: dict[str, Any]) -> str:
    moments = {name: _format_cell(value) for name, value in row.items() if isinstance(value, datetime)}
    return dump_json(row | moments)


def _write_csv(
    stream: TextIO, rows: Iterable[dict[str, Any]], columns: tuple[str, ...], delimiter: str, *, raw: bool
) -> int:
    from nps_connect.rules.formula_injection import escape_formula

    number = 0
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    for number, row in enumerate(rows, start=1):  # noqa: B007  # the count is returned
        cells = (_format_cell(row[name]) for name in columns)
        writer.writerow(cells if raw else map(escape_formula, cells))
    return number


def _format_cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return "" if value is None else str(value)
