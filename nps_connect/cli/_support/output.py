"""Output on standard output: tables and colour for people, JSON for programs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.private_files import open_private
from nps_connect.rendering.exports import dump_json
from nps_connect.sanitization import remove_control_characters

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 200
MAX_LINE_LENGTH = 100


def print_json(data: object) -> None:
    """Print data as indented JSON, as `dump_json` writes it."""
    click.echo(dump_json(data, indent=2))


@contextmanager
def open_output(path: Path) -> Iterator[TextIO]:
    """Open a text file for writing that only its owner may read, without conversion of line ends.

    Raises:
        CommandError: the file cannot be written.
    """
    try:
        with open_private(path) as stream:
            yield stream
    except BrokenPipeError:  # a pipe whose reader has ended, such as | head
        raise
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror}") from None


def attributes(row: object, *names: str) -> dict[str, Any]:
    """Return attributes of an object by name, such as columns for ``--json``."""
    return {name: getattr(row, name) for name in names}


def console(*, stderr: bool = False) -> Console:
    """Return a console for standard output, or standard error.

    It respects ``NO_COLOR``, does not truncate lines in a pipe, and prints no control characters of the texts.
    """
    from nps_connect.cli._support.clean_console import CleanConsole

    stream = sys.stderr if stderr else sys.stdout
    return CleanConsole(stderr=stderr, width=None if stream.isatty() else PIPED_WIDTH)


def print_table(columns: Iterable[str], rows: Iterable[Sequence[object]], *, empty: str, zone: tzinfo = UTC) -> None:
    """Print a table that fits the terminal, as records where it is narrow, with the zone of its times below it.

    Args:
        columns: the column headings; only the last column is wrapped.
        rows: one sequence of values per row; None prints as an empty cell.
        empty: the text to print if there are no rows.
        zone: the zone in which times are shown, to the minute.
    """
    from nps_connect.cli._support.text_table import layout_table

    values = [list(row) for row in rows]
    if not values:
        click.echo(empty)
        return
    cells = [[remove_control_characters(_format_cell(value, zone)) for value in row] for row in values]
    for line in layout_table(list(columns), cells, output_width()):
        click.echo(line)
    has_times = any(isinstance(value, datetime) for row in values for value in row)
    click.echo(f"\nTimes: {zone}\n" if has_times else "")


def output_width() -> int:
    """Return the width of standard output in columns: of the terminal, or of a pipe, which `COLUMNS` can set."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        return int(columns)
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPED_WIDTH


def print_list(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, Any],
    *,
    empty: str,
    as_json: bool = False,
    zone: tzinfo = UTC,
    next_cursor: str | None = None,
    **extra: object,
) -> None:
    """Print a list: a table with some values of its rows, or one JSON object with all of them.

    Args:
        rows: mappings by column name.
        columns: by heading, the key of the value, or a function that returns it from the row.
        empty: the text to print if there are no rows.
        as_json: print JSON: ``{"items": [...], "next_cursor": ...}``.
        zone: the zone in which times are shown to people.
        next_cursor: of the rows that follow, if there are any.
        extra: further keys of the JSON object.
    """
    if as_json:
        print_json({"items": list(rows), "next_cursor": next_cursor, **extra})
        return
    cells = [[row[column] if isinstance(column, str) else column(row) for column in columns.values()] for row in rows]
    print_table(columns, cells, empty=empty, zone=zone)
    if next_cursor is not None:
        click.echo(f"More rows exist; to show the next ones, add: --cursor {next_cursor}")


def print_fields(fields: Mapping[str, object], zone: tzinfo = UTC) -> None:
    """Print one ``name  value`` pair per line, leaving out None and empty texts; times are shown with their zone."""
    shown = {name: value for name, value in fields.items() if value not in (None, "")}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        text = format_time(value, zone) if isinstance(value, datetime) else str(value)
        click.echo(f"{name:<{width}}  {text}")


def print_configured(table: Mapping[str, Any]) -> None:
    """Print a table of the configuration, one key per line; empty ones are left out, inner tables printed as JSON."""
    fields: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, list) and not any(isinstance(element, dict) for element in value):
            fields[key] = ", ".join(map(str, value))
        elif value not in (None, {}, []):
            fields[key] = dump_json(value) if isinstance(value, dict | list) else value
    print_fields(fields)


def _format_cell(value: object, zone: tzinfo) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
    return "" if value is None else str(value)


def format_time(value: datetime | None, zone: tzinfo) -> str | None:
    """Return a time for people with its zone, such as ``2026-11-17 09:00:00 CET``, or None."""
    return None if value is None else f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def format_age(age: timedelta) -> str:
    """Return an age for people, such as ``3 h ago``."""
    seconds = max(0, int(age.total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def last_line(text: str | None) -> str | None:
    """Return the last line of a text (the message of a traceback), shortened for a table cell."""
    lines = (text or "").strip().splitlines()
    if not lines:
        return None
    return lines[-1] if len(lines[-1]) <= MAX_LINE_LENGTH else f"{lines[-1][: MAX_LINE_LENGTH - 1]}…"


def pluralize(number: int, singular: str, plural: str) -> str:
    """Return a number with its noun: ``1 delivery``, ``2 deliveries``."""
    return f"{number:,} {singular if number == 1 else plural}".replace(",", " ")
