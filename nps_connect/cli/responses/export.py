"""``nps-connect responses export``."""

from __future__ import annotations

import csv
import sys
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from nps_connect.cli._support.completion import complete_survey
from nps_connect.cli._support.csv_input import DELIMITERS
from nps_connect.cli._support.names import NameChoice, require_known
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import dump_json, open_output, pluralize
from nps_connect.cli._support.periods import parse_period, period_options
from nps_connect.cli.responses.list import SEGMENT_BOUNDS

if TYPE_CHECKING:
    from collections.abc import Iterable

UTF8_BOM = "\ufeff"


@command
@click.option("--survey", help="Only this survey.", shell_complete=complete_survey)
@click.option("--segment", type=NameChoice(list(SEGMENT_BOUNDS)), help="Only this segment.")
@period_options
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to this file instead of standard output.",
)
@click.option(
    "--delimiter", type=click.Choice(list(DELIMITERS)), default="comma", show_default=True, help="CSV delimiter."
)
@click.option("--excel", is_flag=True, help="Add a byte order mark, so that Excel displays accents correctly.")
@click.option("--raw", is_flag=True, help="Do not escape cells that a spreadsheet interprets as formulas.")
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
    """Export confirmed responses as CSV or JSON, oldest first, with contact data.

    Cells that a spreadsheet would interpret as formulas are prefixed with an apostrophe, unless --raw is given. For
    French Excel use --delimiter semicolon --excel. Only the owner of the file may read it.
    """
    from sqlmodel import col

    from nps_connect.ledger.tables import ResponseRow
    from nps_connect.services.responses import export

    with options.open_ledger() as (ledger, settings):
        start, end = parse_period(settings, since, until)
        with ledger.read() as session:
            survey = require_known(survey, settings.surveys, "survey", session, col(ResponseRow.survey))
        bounds = SEGMENT_BOUNDS[segment] if segment else None
        selection = export.ResponseFilter(survey, bounds, start, end)
        rows = export.export_responses(ledger, selection, options.zone(settings))
        with open_output(output) if output is not None else nullcontext(sys.stdout) as stream:
            if as_json:
                count = _write_json(stream, rows)
            else:
                stream.write(UTF8_BOM if excel else "")
                count = _write_csv(stream, rows, export.EXPORT_COLUMNS, DELIMITERS[delimiter], raw=raw)
    if output is not None:
        click.echo(f"{pluralize(count, 'response', 'responses')} written to {output}", err=True)


def _write_json(stream: TextIO, rows: Iterable[dict[str, Any]]) -> int:
    """Stream the object of a list; return the number of its items."""
    number = 0
    stream.write('{"items": [')
    for number, row in enumerate(rows, start=1):
        element = {**row, "answered_at": _format_cell(row["answered_at"])}
        stream.write(("\n  " if number == 1 else ",\n  ") + dump_json(element))
    stream.write(("\n]" if number else "]") + ', "next_cursor": null}\n')
    return number


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
    return "" if value is None else str(value)
