"""Exports: rows as CSV that a spreadsheet opens safely, as the JSON of a list, or as JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO, TypeVar

import click

from nps_connect.rendering.exports import DELIMITERS, dump_row, iter_csv, iter_json_lines

F = TypeVar("F", bound=Callable[..., Any])


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
    if as_json:
        return _write_json(stream, rows)
    count = _Count(rows)
    if json_lines:
        stream.writelines(iter_json_lines(count))
    else:
        stream.writelines(iter_csv(count, columns, delimiter=delimiter, excel=excel, raw=raw))
    return count.number


class _Count:
    """Rows, counted as they are read."""

    def __init__(self, rows: Iterable[dict[str, Any]]) -> None:
        self._rows, self.number = rows, 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for row in self._rows:
            self.number += 1
            yield row


def _write_json(stream: TextIO, rows: Iterable[dict[str, Any]]) -> int:
    """Stream the object of a list; return the number of its items."""
    number = 0
    stream.write('{"items": [')
    for number, row in enumerate(rows, start=1):
        stream.write(("\n  " if number == 1 else ",\n  ") + dump_row(row))
    stream.write(("\n]" if number else "]") + ', "next_cursor": null}\n')
    return number
