"""Data on standard output: tables and colour for people, JSON for programs."""

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
    """Print data as JSON: times in ISO 8601, other values that JSON lacks as text."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2, default=_json_default))


def _json_default(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def console() -> Console:
    """Standard output for people; respects ``NO_COLOR``, and does not cut lines short in a pipe."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print rows under column heads.

    Args:
        columns: the heads.
        rows: values by column; none is shown as an empty cell. Nothing in them is taken for markup.
        empty: what to say when there are no rows.
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


def print_fields(facts: Iterable[tuple[str, object]]) -> None:
    """Print names and values, one pair a line; pairs without a value are left out."""
    known = [(name, value) for name, value in facts if value not in (None, "")]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        click.echo(f"{name:<{width}}  {value}")


def format_time(value: datetime | None, zone: tzinfo) -> str | None:
    """A time for people, in the company's zone."""
    return None if value is None else f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def format_age(span: timedelta) -> str:
    """How long ago something was, for people: ``3 h ago``."""
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def last_line(text: str | None) -> str | None:
    """The last line of a text (where a traceback says what happened), cut to fit into a table."""
    lines = (text or "").strip().splitlines()
    if not lines:
        return None
    return lines[-1] if len(lines[-1]) <= MAX_LINE_LENGTH else f"{lines[-1][: MAX_LINE_LENGTH - 1]}…"


def pluralize(number: int, one: str, many: str) -> str:
    """A number with its noun: ``1 delivery``, ``2 deliveries``."""
    return f"{number:,} {one if number == 1 else many}".replace(",", " ")
