"""What ``surveys invite`` and ``responses import`` share: the file, its columns, its bad lines."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.output import pluralize

if TYPE_CHECKING:
    from nps_connect.rules.imports.columns import ColumnMapping, ImportField
    from nps_connect.rules.imports.row_errors import RowErrors
    from nps_connect.services.imports.import_file import ImportFile

F = TypeVar("F", bound=Callable[..., Any])

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
    """``FILE``, ``--column``, ``--encoding``, ``--delimiter``, ``--refused``."""
    for option in (
        click.option(
            "--refused",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="CSV",
            help="Write every line that leads to nothing, and why, to a file.",
        ),
        click.option("--delimiter", type=click.Choice(list(DELIMITERS)), help="Found out if not given."),
        click.option("--encoding", type=click.Choice(list(ENCODINGS)), help="Found out if not given."),
        click.option(
            "--column", "given", multiple=True, metavar="FIELD=NAME", help="Which column means what; may be repeated."
        ),
        click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False)),
    ):
        command = option(command)
    return command


def open_csv(file: Path, encoding: str | None, delimiter: str | None) -> ImportFile:
    """Open the file, and say on standard error how it is read.

    Raises:
        Failure: it cannot be opened.
        FileRefused: it is no table.
    """
    from nps_connect.services.imports.import_file import open_import_file

    codec = ENCODINGS[encoding] if encoding else None
    try:
        source = open_import_file(file, codec=codec, delimiter=DELIMITERS[delimiter] if delimiter else None)
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from None
    name = next((name for name, sign in DELIMITERS.items() if sign == source.delimiter), repr(source.delimiter))
    doubt = " (nothing in the file says so: check names with accents)" if source.encoding.guessed else ""
    told = pluralize(len(source.header), "column", "columns")
    click.echo(f"{file.name}: {encoding or source.encoding.told}{doubt}, delimiter {name}, {told}", err=True)
    return source


def resolve_columns(
    source: ImportFile,
    fields: Sequence[ImportField],
    given: Sequence[str],
    *,
    needed: Iterable[Sequence[str]],
    preset: Mapping[str, str] | None = None,
) -> ColumnMapping:
    """Which column means what; asks for what is missing, if somebody sits at the terminal.

    Args:
        source: the file.
        fields: what it may tell.
        given: ``FIELD=NAME`` from the command line.
        needed: of each of these groups of fields, one must be there; the first is asked for.
        preset: column names by field.

    Raises:
        click.UsageError: a needed column is missing, or one that was named.
    """
    from nps_connect.rules.imports.columns import ColumnNotFound, find_columns

    named = dict(_parse_column_option(text, fields) for text in given)
    try:
        found = find_columns(source.header, fields, named, preset or {})
        for group in needed:
            if len(found.missing(*group)) == len(group):
                named[group[0]] = _prompt_for_column(source, next(one for one in fields if one.name == group[0]))
                found = find_columns(source.header, fields, named, preset or {})
    except ColumnNotFound as error:
        raise click.BadParameter(str(error), param_hint="--column") from None
    if found.unused:
        click.echo(f"not used: {', '.join(found.unused[:MAX_SHOWN])}", err=True)
    return found


def _parse_column_option(text: str, fields: Sequence[ImportField]) -> tuple[str, str]:
    name, sign, column = text.partition("=")
    known = [field.name for field in fields]
    if not sign or not column or name not in known:
        raise click.BadParameter(
            f"{text!r} is not FIELD=NAME with a field of {', '.join(known)}", param_hint="--column"
        )
    return name, column


def _prompt_for_column(source: ImportFile, field: ImportField) -> str:
    listed = ", ".join(repr(name) for name in source.header[:MAX_SHOWN])
    if not sys.stdin.isatty():
        hint = " (if that is several columns in one, give --delimiter)" if len(source.header) == 1 else ""
        raise click.UsageError(
            f"no column is {field.told}; the file has {listed}{hint}. Say it with --column '{field.name}=NAME'"
        )
    first = next(source.rows(), None)
    for number, name in enumerate(source.header, start=1):
        click.echo(f"  {number:>3}  {name}  {first.cells[number - 1][:40] if first else ''}".rstrip(), err=True)
    number = click.prompt(f"Which column is {field.told}?", type=click.IntRange(1, len(source.header)), err=True)
    return source.header[number - 1]


@contextmanager
def collect_line_errors(refused: Path | None) -> Iterator[RowErrors]:
    """Where bad lines are counted, and written to a file if one was named.

    Raises:
        Failure: it cannot be written.
    """
    from nps_connect.rules.imports.row_errors import RowErrors

    if refused is None:
        yield RowErrors()
        return
    try:
        stream = refused.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise CommandError(f"cannot write {refused}: {error.strerror}") from None
    with stream:
        writer = csv.writer(stream)
        writer.writerow(("line", "reason", "detail"))
        yield RowErrors(told=lambda fault: writer.writerow((fault.line, fault.reason, fault.detail)))


def print_line_errors(faults: RowErrors, refused: Path | None) -> None:
    """Say on standard error which lines are not taken, and why."""
    if not faults.total:
        return
    reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(faults.counts.items()))
    click.echo(f"{pluralize(faults.total, 'line is', 'lines are')} not taken ({reasons}):", err=True)
    for fault in faults.first[:MAX_SHOWN]:
        click.echo(f"  line {fault.line}: {fault.detail}", err=True)
    if faults.total > MAX_SHOWN:
        where = f"see {refused}" if refused else "write them all to a file with --refused CSV"
        click.echo(f"  and {faults.total - MAX_SHOWN} more: {where}", err=True)


def line_errors_json(faults: RowErrors) -> dict[str, Any]:
    """The same for programs; the first ones line by line."""
    from dataclasses import asdict

    return {"lines": faults.total, "reasons": dict(faults.counts), "first": [asdict(one) for one in faults.first]}
