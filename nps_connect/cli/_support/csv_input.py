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
from nps_connect.cli._support.names import suggest_nearest
from nps_connect.cli._support.output import pluralize

if TYPE_CHECKING:
    from nps_connect.rules.imports.columns import ColumnMapping, ImportField
    from nps_connect.rules.imports.row_errors import RowErrors
    from nps_connect.services.context import Context
    from nps_connect.services.imports.import_file import ImportFile

F = TypeVar("F", bound=Callable[..., Any])

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
    """Add ``FILE``, ``--column``, ``--encoding``, ``--delimiter`` and ``--refused``."""
    for option in (
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

    surveys = ctx.settings.surveys
    if survey not in surveys:
        raise click.UsageError(f"there is no survey {survey!r}{suggest_nearest(survey, surveys)}")
    try:
        return choose_connection(ctx, connection, survey)
    except AmbiguousConnection as error:
        raise click.BadParameter(str(error), param_hint="--connection") from None


def open_csv(file: Path, encoding: str | None, delimiter: str | None) -> ImportFile:
    """Open the file and report encoding, delimiter and number of columns on standard error.

    Raises:
        CommandError: the file cannot be opened.
        InvalidImportFile: the file is not a table.
    """
    from nps_connect.services.imports.import_file import open_import_file

    codec = ENCODINGS[encoding] if encoding else None
    try:
        source = open_import_file(file, codec=codec, delimiter=DELIMITERS[delimiter] if delimiter else None)
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from None
    delimiter_name = next(
        (name for name, sign in DELIMITERS.items() if sign == source.delimiter), repr(source.delimiter)
    )
    hint = " (guessed: check names with accents)" if source.encoding.is_guessed else ""
    columns = pluralize(len(source.header), "column", "columns")
    click.echo(
        f"{file.name}: {encoding or source.encoding.label}{hint}, delimiter {delimiter_name}, {columns}", err=True
    )
    return source


def resolve_columns(
    source: ImportFile,
    fields: Sequence[ImportField],
    column_options: Sequence[str],
    *,
    required: Iterable[Sequence[str]],
    preset: Mapping[str, str] | None = None,
) -> ColumnMapping:
    """Return the column of each field; on a terminal, prompt for missing ones.

    Args:
        source: the file.
        fields: the fields that the file may contain.
        column_options: ``FIELD=NAME`` from the command line.
        required: groups of fields; one field of each group is required, and the prompt asks for the first.
        preset: column names by field.

    Raises:
        click.UsageError: a required column or a column named by an option is missing.
    """
    from nps_connect.rules.imports.columns import ColumnNotFound, find_columns

    column_by_field = dict(_parse_column_option(text, fields) for text in column_options)
    try:
        mapping = find_columns(source.header, fields, column_by_field, preset or {})
        for group in required:
            if len(mapping.missing(*group)) == len(group):
                field = next(field for field in fields if field.name == group[0])
                column_by_field[field.name] = _prompt_for_column(source, field)
                mapping = find_columns(source.header, fields, column_by_field, preset or {})
    except ColumnNotFound as error:
        raise click.BadParameter(str(error), param_hint="--column") from None
    if mapping.unused:
        click.echo(f"unused columns: {', '.join(mapping.unused[:MAX_SHOWN])}", err=True)
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
    try:
        stream = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror}") from None
    with stream:
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
