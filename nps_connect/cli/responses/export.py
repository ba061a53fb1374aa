"""``nps-connect responses export``."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from nps_connect.cli._support.csv_input import DELIMITERS
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import pluralize
from nps_connect.cli._support.periods import parse_period, period_options
from nps_connect.cli.responses.list import SEGMENT_BOUNDS

if TYPE_CHECKING:
    from collections.abc import Iterable

UTF8_BOM = "\ufeff"


@click.command(cls=Command)
@click.option("--survey", help="Only answers to this survey.")
@click.option("--segment", type=click.Choice(list(SEGMENT_BOUNDS)), help="Only this segment.")
@period_options
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="A file; else standard output."
)
@click.option("--delimiter", type=click.Choice(list(DELIMITERS)), default="comma", show_default=True)
@click.option("--excel", is_flag=True, help="With a byte order mark, so that Excel reads the accents.")
@click.option("--raw", is_flag=True, help="Cells as they are, also those that a spreadsheet takes for formulas.")
@json_option
@pass_options
def export(
    options: Options,
    survey: str | None,
    segment: str | None,
    since: str | None,
    until: str | None,
    output: Path | None,
    delimiter: str,
    excel: bool,
    raw: bool,
    as_json: bool,
) -> None:
    """Write confirmed responses as CSV or JSON, oldest first, with the people who gave them.

    A cell that a spreadsheet would take for a formula gets an apostrophe before it, unless --raw is given. French Excel
    reads a file written with --delimiter semicolon --excel.
    """
    from nps_connect.services.responses import export

    with options.ledger() as (ledger, settings):
        begin, end = parse_period(settings, since, until)
        wanted = export.ResponseFilter(survey, SEGMENT_BOUNDS[segment] if segment else None, begin, end)
        rows = export.export_responses(ledger, wanted, settings.core.zone)
        with _open_output(output) as stream:
            if as_json:
                written = _write_json(stream, rows)
            else:
                stream.write(UTF8_BOM if excel else "")
                written = _write_csv(stream, rows, export.EXPORT_COLUMNS, DELIMITERS[delimiter], raw=raw)
    if output is not None:
        click.echo(f"{pluralize(written, 'response', 'responses')} in {output}", err=True)


@contextmanager
def _open_output(output: Path | None) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
        return
    try:
        stream = output.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise CommandError(f"cannot write {output}: {error.strerror}") from None
    with stream:
        yield stream


def _write_json(stream: TextIO, rows: Iterable[dict[str, Any]]) -> int:
    """One JSON array, element by element."""
    number = 0
    stream.write("[")
    for number, row in enumerate(rows, start=1):
        told = {**row, "answered_at": _format_cell(row["answered_at"])}
        stream.write(("\n  " if number == 1 else ",\n  ") + json.dumps(told, ensure_ascii=False))
    stream.write("\n]\n" if number else "]\n")
    return number


def _write_csv(
    stream: TextIO, rows: Iterable[dict[str, Any]], columns: tuple[str, ...], delimiter: str, *, raw: bool
) -> int:
    from nps_connect.rules.formula_injection import escape_formula

    number = 0
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    for number, row in enumerate(rows, start=1):  # noqa: B007  # counted for the caller
        cells = (_format_cell(row[name]) for name in columns)
        writer.writerow(cells if raw else map(escape_formula, cells))
    return number


def _format_cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return "" if value is None else str(value)
