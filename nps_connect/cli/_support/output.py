"""Output on standard output: tables and colour for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.private_files import open_private
from nps_connect.sanitization import CONTROL_CHARACTERS

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 200
MAX_LINE_LENGTH = 100


def print_json(data: object) -> None:
    """Print data as indented JSON, as `dump_json` writes it."""
    click.echo(dump_json(data, indent=2))


def dump_json(data: object, *, indent: int | None = None) -> str:
    """Return data as JSON: times in ISO 8601, other unsupported types as text, control characters escaped."""
    text = json.dumps(data, ensure_ascii=False, indent=indent, default=_json_default)
    return CONTROL_CHARACTERS.sub(lambda match: json.dumps(match[0])[1:-1], text)


def _json_default(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


@contextmanager
def open_output(path: Path) -> Iterator[TextIO]:
    """Open a text file for writing that only its owner may read, without conversion of line ends.

    Raises:
        CommandError: the file cannot be written.
    """
    try:
        stream = open_private(path)
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror}") from None
    with stream:
        yield stream


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
    """Print a table.

    Args:
        columns: the column headings.
        rows: one sequence of values per row; None prints as an empty cell. Values are not parsed as markup.
        empty: the text to print if there are no rows.
        zone: the zone in which times are shown.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_format_value(value, zone)) for value in row))
    if table.row_count:
        console().print(table)
        click.echo()
    else:
        click.echo(empty)


def print_rows(
    rows: Sequence[Any],
    columns: Mapping[str, Any],
    *,
    empty: str,
    as_json: bool = False,
    zone: tzinfo = UTC,
    limit: int | None = None,
) -> None:
    """Print rows as a table with some of their values, or as a JSON list with all of them.

    Args:
        rows: mappings by column name; one more than `limit` if rows were left out.
        columns: by heading, the key of the value, or a function that returns it from the row.
        empty: the text to print if there are no rows.
        as_json: print JSON.
        zone: the zone in which times are shown to people.
        limit: maximum number of rows; None means all.
    """
    if as_json:
        print_json(rows[:limit])
        return
    cells = [
        [row[column] if isinstance(column, str) else column(row) for column in columns.values()] for row in rows[:limit]
    ]
    print_table(columns, cells, empty=empty, zone=zone)
    if limit is not None and len(rows) > limit:
        click.echo(f"More rows exist; to show them: --limit {limit * 10}")


def print_fields(fields: Mapping[str, object], zone: tzinfo = UTC) -> None:
    """Print one ``name  value`` pair per line, leaving out None and empty texts; times are shown in the zone."""
    shown = {name: value for name, value in fields.items() if value not in (None, "")}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        click.echo(f"{name:<{width}}  {_format_value(value, zone)}")


def _format_value(value: object, zone: tzinfo) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value)


def format_time(value: datetime | None, zone: tzinfo) -> str | None:
    """Return a time in the given zone for people, or None."""
    return None if value is None else _format_value(value, zone)


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
