"""Shared by ``surveys invite`` and ``responses import``: the CSV file, its columns, and rejected lines."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.names import require_name
from nps_connect.cli._support.output import open_output, pluralize
from nps_connect.cli._support.progress import progress_bar

if TYPE_CHECKING:
    from nps_connect.rules.imports.columns import ColumnMapping, ImportField
    from nps_connect.rules.imports.row_errors import RowErrors
    from nps_connect.services.context import Context
    from nps_connect.services.imports.import_file import ImportFile
    from nps_connect.services.imports.people import ImportedPerson
    from nps_connect.services.imports.response_rows import ImportedResponse

F = TypeVar("F", bound=Callable[..., Any])
Row = TypeVar("Row", "ImportedPerson", "ImportedResponse")

BATCH_SIZE = 500
ENCODINGS = {
    "utf-8": "utf-8-sig",
    "utf-16": "utf-16",
    "windows-1252": "cp1252",
    "iso-8859-1": "latin-1",
    "iso-8859-15": "iso8859-15",
    "mac-roman": "mac-roman",
    "cp850": "cp850",
}
DELIMITERS = {"semicolon": ";", "comma": ",", "tab": "\t", "pipe": "|"}
MAX_SHOWN = 20


def file_options(command: F) -> F:
    """Add ``FILE``, ``--column``, ``--encoding``, ``--delimiter``, ``--refused`` and ``--connection``."""
    for option in (
        click.option(
            "--connection",
            metavar="NAME",
            help="Connection that knows these people; default: the one with a contact lookup.",
        ),
        click.option(
            "--refused",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="CSV",
            help="Write rejected lines with their reasons to this file.",
        ),
        click.option("--delimiter", type=click.Choice(list(DELIMITERS)), help="Detected by default."),
        click.option("--encoding", type=click.Choice(list(ENCODINGS)), help="Detected by default."),
        click.option(
            "--column",
            "column_options",
            multiple=True,
            metavar="FIELD=NAME",
            help="Map a field to a column of the file; repeatable.",
        ),
        click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False)),
    ):
        command = option(command)
    return command


def select_connection(ctx: Context, survey: str, connection: str | None) -> str:
    """Return the connection that knows the people of the file: the given one, or the only possible one.

    Raises:
        click.UsageError: there is no such survey or connection, or several connections are possible.
    """
    from nps_connect.services.imports.people import AmbiguousConnection, choose_connection

    require_name(survey, ctx.settings.surveys, "survey")
    try:
        return choose_connection(ctx, connection, survey)
    except AmbiguousConnection as error:
        raise click.BadParameter(str(error), param_hint="--connection") from None


def open_csv(
    file: Path,
    fields: Sequence[ImportField],
    *,
    required: Iterable[Sequence[str]],
    preset: Mapping[str, str] | None = None,
    column_options: Sequence[str],
    encoding: str | None,
    delimiter: str | None,
) -> tuple[ImportFile, ColumnMapping]:
    """Open the file and find the column of each field; on a terminal, prompt for missing ones.

    Reports encoding, delimiter, number of columns and unused columns on standard error.

    Args:
        file: its path.
        fields: the fields that the file may contain.
        required: groups of fields; one field of each group is required, and the prompt asks for the first.
        preset: column names by field.
        column_options: ``FIELD=NAME`` from the command line.
        encoding: a key of `ENCODINGS`; None means detect it.
        delimiter: a key of `DELIMITERS`; None means detect it.

    Raises:
        CommandError: the file cannot be opened.
        InvalidImportFile: the file is not a table.
        click.UsageError: a required column or a column named by an option is missing.
    """
    from nps_connect.services.imports.import_file import open_import_file

    codec = ENCODINGS[encoding] if encoding else None
    try:
        source = open_import_file(file, codec=codec, delimiter=DELIMITERS[delimiter] if delimiter else None)
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from None
    name = next((name for name, sign in DELIMITERS.items() if sign == source.delimiter), repr(source.delimiter))
    hint = " (guessed: check names with accents)" if source.encoding.is_guessed else ""
    count = pluralize(len(source.header), "column", "columns")
    click.echo(f"{file.name}: {encoding or source.encoding.label}{hint}, delimiter {name}, {count}", err=True)
    mapping = _find_columns(source, fields, column_options, required, preset or {})
    if mapping.unused:
        click.echo(f"unused columns: {', '.join(mapping.unused[:MAX_SHOWN])}", err=True)
    return source, mapping


def _find_columns(
    source: ImportFile,
    fields: Sequence[ImportField],
    column_options: Sequence[str],
    required: Iterable[Sequence[str]],
    preset: Mapping[str, str],
) -> ColumnMapping:
    from nps_connect.rules.imports.columns import ColumnNotFound, find_columns

    column_by_field = dict(_parse_column_option(text, fields) for text in column_options)
    try:
        mapping = find_columns(source.header, fields, column_by_field, preset)
        for group in required:
            if len(mapping.missing(*group)) == len(group):
                field = next(field for field in fields if field.name == group[0])
                column_by_field[field.name] = _prompt_for_column(source, field)
                mapping = find_columns(source.header, fields, column_by_field, preset)
    except ColumnNotFound as error:
        raise click.BadParameter(str(error), param_hint="--column") from None
    return mapping


def _parse_column_option(text: str, fields: Sequence[ImportField]) -> tuple[str, str]:
    name, sign, column = text.partition("=")
    field_names = [field.name for field in fields]
    if not sign or not column or name not in field_names:
        raise click.BadParameter(
            f"{text!r} is not FIELD=NAME; allowed fields: {', '.join(field_names)}", param_hint="--column"
        )
    return name, column


def _prompt_for_column(source: ImportFile, field: ImportField) -> str:
    header = ", ".join(repr(name) for name in source.header[:MAX_SHOWN])
    if not sys.stdin.isatty():
        hint = " (one column only: check --delimiter)" if len(source.header) == 1 else ""
        raise click.UsageError(
            f"no column contains {field.label}; the file has {header}{hint}. Use --column '{field.name}=NAME'"
        )
    first_row = next(source.rows(), None)
    for number, name in enumerate(source.header, start=1):
        sample = first_row.cells[number - 1][:40] if first_row else ""
        click.echo(f"  {number:>3}  {name}  {sample}".rstrip(), err=True)
    number = click.prompt(f"Which column contains {field.label}?", type=click.IntRange(1, len(source.header)), err=True)
    return source.header[number - 1]


def process_batches(
    description: str,
    read: Callable[[Callable[[int, int], object]], Iterable[Row]],
    process: Callable[[list[Row]], object],
    stopped: Callable[[int], str] | None = None,
    *,
    hidden: bool,
) -> None:
    """Process the rows of the file in batches with a progress bar; print how far it came if interrupted.

    Args:
        description: the label of the progress bar.
        read: yields the rows; takes the function that updates the bar.
        process: processes one batch.
        stopped: returns the text to print after an interruption, from the number of the last processed line; None
            means print nothing.
        hidden: show no progress bar, as for ``--json``.
    """
    from nps_connect.services.imports.import_file import iter_batches

    line = 1
    try:
        with progress_bar(description, hidden=hidden) as on_progress:
            for batch in iter_batches(read(on_progress), BATCH_SIZE):
                process(batch)
                line = batch[-1].line
    except BaseException:
        if stopped is not None:
            click.echo(stopped(line), err=True)
        raise


@contextmanager
def collect_line_errors(path: Path | None) -> Iterator[RowErrors]:
    """Yield a collector of rejected lines that also writes them to a file if a path is given.

    Raises:
        CommandError: the file cannot be written.
    """
    from nps_connect.rules.imports.row_errors import RowErrors

    if path is None:
        yield RowErrors()
        return
    with open_output(path) as stream:
        writer = csv.writer(stream)
        writer.writerow(("line", "reason", "detail"))
        yield RowErrors(on_error=lambda error: writer.writerow((error.line, error.reason, error.detail)))


def print_line_errors(errors: RowErrors, path: Path | None) -> None:
    """Print rejected lines on standard error, with the path of the file that lists all of them."""
    if not errors.total:
        return
    reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(errors.counts.items()))
    click.echo(f"{pluralize(errors.total, 'line', 'lines')} rejected ({reasons}):", err=True)
    for error in errors.samples[:MAX_SHOWN]:
        click.echo(f"  line {error.line}: {error.detail}", err=True)
    if errors.total > MAX_SHOWN:
        where = f"see {path}" if path else "write all of them to a file with --refused CSV"
        click.echo(f"  and {errors.total - MAX_SHOWN} more: {where}", err=True)


def line_errors_json(errors: RowErrors) -> dict[str, Any]:
    """Return the rejected lines for ``--json``: counts, and details of the first ones."""
    from dataclasses import asdict

    return {"lines": errors.total, "reasons": dict(errors.counts), "first": [asdict(error) for error in errors.samples]}
