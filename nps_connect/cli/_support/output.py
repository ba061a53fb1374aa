"""Output on standard output: tables and colour for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 200
MAX_LINE_LENGTH = 100


def print_json(data: object) -> None:
    """Print data as JSON; times in ISO 8601, other unsupported types as text."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2, default=_json_default))


def _json_default(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def console() -> Console:
    """Return a console for standard output that respects ``NO_COLOR`` and does not truncate lines in a pipe."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print a table.

    Args:
        columns: the column headings.
        rows: one sequence of values per row; None prints as an empty cell. Values are not parsed as markup.
        empty: the text to print if there are no rows.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if value is None else str(value)) for value in row))
    if table.row_count:
        console().print(table)
        click.echo()
    else:
        click.echo(empty)


def print_more_hint(limit: int) -> None:
    """Print that ``--limit`` left rows out."""
    click.echo(f"More rows exist; to show them: --limit {limit * 10}")


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print one ``name  value`` pair per line, leaving out None and empty texts."""
    shown = [(name, value) for name, value in fields if value not in (None, "")]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{name:<{width}}  {value}")


def format_time(value: datetime | None, zone: tzinfo) -> str | None:
    """Return a time in the given zone for people, or None."""
    return None if value is None else f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S}"


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
