"""What ``contacts import`` and ``responses import`` share: the file, its columns, its bad lines."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nps_connect.cli.guarding import Failure
from nps_connect.cli.output import counted

if TYPE_CHECKING:
    from nps_connect.flows.importing.source import Source
    from nps_connect.rules.importing.columns import Columns, Field
    from nps_connect.rules.importing.faults import Faults

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
SHOWN = 20


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


def look_at(file: Path, encoding: str | None, delimiter: str | None) -> Source:
    """Open the file, and say on standard error how it is read.

    Raises:
        Failure: it cannot be opened.
        FileRefused: it is no table.
    """
    from nps_connect.flows.importing.source import open_source

    codec = ENCODINGS[encoding] if encoding else None
    try:
        source = open_source(file, codec=codec, delimiter=DELIMITERS[delimiter] if delimiter else None)
    except OSError as error:
        raise Failure(f"cannot read {file}: {error.strerror}") from None
    name = next((name for name, sign in DELIMITERS.items() if sign == source.delimiter), repr(source.delimiter))
    doubt = " (nothing in the file says so: check names with accents)" if source.encoding.guessed else ""
    told = counted(len(source.header), "column", "columns")
    click.echo(f"{file.name}: {encoding or source.encoding.told}{doubt}, delimiter {name}, {told}", err=True)
    return source


def columns_of(
    source: Source,
    fields: Sequence[Field],
    given: Sequence[str],
    *,
    needed: Iterable[Sequence[str]],
    preset: Mapping[str, str] | None = None,
) -> Columns:
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
    from nps_connect.rules.importing.columns import NoSuchColumn, find_columns

    named = dict(_pair(text, fields) for text in given)
    try:
        found = find_columns(source.header, fields, named, preset or {})
        for group in needed:
            if len(found.missing(*group)) == len(group):
                named[group[0]] = _asked(source, next(one for one in fields if one.name == group[0]))
                found = find_columns(source.header, fields, named, preset or {})
    except NoSuchColumn as error:
        raise click.BadParameter(str(error), param_hint="--column") from None
    if found.unused:
        click.echo(f"not used: {', '.join(found.unused[:SHOWN])}", err=True)
    return found


def _pair(text: str, fields: Sequence[Field]) -> tuple[str, str]:
    name, sign, column = text.partition("=")
    known = [field.name for field in fields]
    if not sign or not column or name not in known:
        raise click.BadParameter(
            f"{text!r} is not FIELD=NAME with a field of {', '.join(known)}", param_hint="--column"
        )
    return name, column


def _asked(source: Source, field: Field) -> str:
    listed = ", ".join(repr(name) for name in source.header[:SHOWN])
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
def noting(refused: Path | None) -> Iterator[Faults]:
    """Where bad lines are counted, and written to a file if one was named.

    Raises:
        Failure: it cannot be written.
    """
    from nps_connect.rules.importing.faults import Faults

    if refused is None:
        yield Faults()
        return
    try:
        stream = refused.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise Failure(f"cannot write {refused}: {error.strerror}") from None
    with stream:
        writer = csv.writer(stream)
        writer.writerow(("line", "reason", "detail"))
        yield Faults(told=lambda fault: writer.writerow((fault.line, fault.reason, fault.detail)))


def print_faults(faults: Faults, refused: Path | None) -> None:
    """Say on standard error which lines are not taken, and why."""
    if not faults.total:
        return
    reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(faults.counts.items()))
    click.echo(f"{counted(faults.total, 'line is', 'lines are')} not taken ({reasons}):", err=True)
    for fault in faults.first[:SHOWN]:
        click.echo(f"  line {fault.line}: {fault.detail}", err=True)
    if faults.total > SHOWN:
        where = f"see {refused}" if refused else "write them all to a file with --refused CSV"
        click.echo(f"  and {faults.total - SHOWN} more: {where}", err=True)


def faults_json(faults: Faults) -> dict[str, Any]:
    """The same for programs; the first ones line by line."""
    from dataclasses import asdict

    return {"lines": faults.total, "reasons": dict(faults.counts), "first": [asdict(one) for one in faults.first]}
