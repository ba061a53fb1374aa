"""Shared by all imports: the file and its columns."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.names import require_name
from nps_connect.cli._support.output import pluralize
from nps_connect.cli._support.progress import progress_bar
from nps_connect.rendering.exports import DELIMITERS

if TYPE_CHECKING:
    from nps_connect.rules.imports.columns import ColumnMapping
    from nps_connect.rules.imports.fields import ImportField
    from nps_connect.services.context import Context
    from nps_connect.services.imports.import_file import ImportFile

    class ImportedRow(Protocol):
        """A row that was read from a file."""

        @property
        def line(self) -> int:
            """Line number in the file."""


F = TypeVar("F", bound=Callable[..., Any])
Row = TypeVar("Row", bound="ImportedRow")

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
MAX_SHOWN = 20


def format_options(command: F) -> F:
    """Add ``--column``, ``--encoding``, ``--delimiter``, ``--refused`` and ``--connection``."""
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
    ):
        command = option(command)
    return command


def file_options(command: F) -> F:
    """Add ``FILE`` and the options of `format_options`."""
    file = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
    return file(format_options(command))


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


def open_file(
    file: Path,
    *,
    encoding: str | None,
    delimiter: str | None,
    list_header: tuple[str, ...] = (),
    is_reported: bool = True,
) -> ImportFile:
    """Open a file; report encoding, delimiter and number of columns on standard error.

    Args:
        file: its path.
        encoding: a key of `ENCODINGS`; None means detect it.
        delimiter: a key of `DELIMITERS`; None means detect it.
        list_header: column names of a file without a header.
        is_reported: False where the caller reports the files together.

    Raises:
        CommandError: the file cannot be opened.
        InvalidImportFile: the file is not a table.
    """
    from nps_connect.services.imports.import_file import open_import_file

    codec, sign = ENCODINGS[encoding] if encoding else None, DELIMITERS[delimiter] if delimiter else None
    try:
        source = open_import_file(file, codec=codec, delimiter=sign, list_header=list_header)
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from None
    if is_reported:
        count = pluralize(len(source.header), "column", "columns")
        click.echo(f"{file.name}: {describe_format(source)}, {count}", err=True)
    return source


def describe_format(source: ImportFile) -> str:
    """Return encoding and delimiter of a file, for people."""
    hint = " (guessed: check names with accents)" if source.encoding.is_guessed else ""
    form = "JSON" if source.delimiter is None else f"delimiter {_delimiter_name(source.delimiter)}"
    label = next((name for name, codec in ENCODINGS.items() if codec == source.encoding.label), source.encoding.label)
    return f"{label}{hint}, {form}"


def _delimiter_name(sign: str) -> str:
    return next((name for name, delimiter in DELIMITERS.items() if delimiter == sign), repr(sign))


def find_file_columns(
    source: ImportFile,
    fields: Sequence[ImportField],
    *,
    required: Iterable[Sequence[str]],
    preset: Mapping[str, Sequence[str]],
    column_options: Sequence[str],
) -> tuple[ImportFile, ColumnMapping]:
    """Find the column of each field; on a terminal, prompt for missing ones.

    Args:
        source: the file.
        fields: the fields that the file may contain.
        required: groups of fields; one field of each group is required, and the prompt asks for the first.
        preset: column names of a layout by field.
        column_options: ``FIELD=NAME`` from the command line.

    Returns:
        The file, with the columns of the layout that a JSON file may have further down, and the mapping.

    Raises:
        click.UsageError: a required column or a column named by an option is missing.
    """
    from nps_connect.rules.imports.columns import ColumnNotFound, find_columns

    column_by_field = dict(_parse_column_option(text, fields) for text in column_options)
    try:
        mapping = find_columns(source.header, fields, column_by_field, preset)
        for group in required:
            if len(mapping.missing(*group)) == len(group):
                field = next(field for field in fields if field.name == group[0])
                column_by_field[field.name] = _prompt_for_column(source, field, preset)
                mapping = find_columns(source.header, fields, column_by_field, preset)
        later = [column for name, columns in preset.items() if name not in column_by_field for column in columns]
        source = source.with_columns(later)
        mapping = find_columns(source.header, fields, column_by_field, preset)
    except ColumnNotFound as error:
        raise click.BadParameter(f"{source.path.name}: {error}", param_hint="--column") from None
    return source, mapping


def print_unused(names: Sequence[str]) -> None:
    """Print the names of columns without a field on standard error."""
    if names:
        click.echo(f"unused columns: {', '.join(names[:MAX_SHOWN])}", err=True)


def _parse_column_option(text: str, fields: Sequence[ImportField]) -> tuple[str, str]:
    name, sign, column = text.partition("=")
    field_names = [field.name for field in fields]
    if not sign or not column or name not in field_names:
        raise click.BadParameter(
            f"{text!r} is not FIELD=NAME; allowed fields: {', '.join(field_names)}", param_hint="--column"
        )
    return name, column


def _prompt_for_column(source: ImportFile, field: ImportField, preset: Mapping[str, Sequence[str]]) -> str:
    from nps_connect.rules.imports.columns import nearest_column

    header = ", ".join(repr(name) for name in source.header[:MAX_SHOWN])
    if not sys.stdin.isatty():
        hint = " (one column only: check --delimiter)" if len(source.header) == 1 else ""
        nearest = nearest_column(preset.get(field.name, (field.name,))[0], source.header)
        raise click.UsageError(
            f"{source.path.name}: no column contains {field.label}{nearest}; the file has {header}{hint}. "
            f"Use --column '{field.name}=NAME'"
        )
    click.echo(f"{source.path.name} has the columns", err=True)
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
