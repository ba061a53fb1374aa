"""Shared by ``imports`` and ``responses import``: the files of another tool, recognised and opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from nps_connect.cli._support import csv_input
from nps_connect.cli._support.completion import complete_survey
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.names import require_name
from nps_connect.cli._support.output import pluralize

if TYPE_CHECKING:
    from datetime import tzinfo

    from nps_connect.records.imports import ImportKind, ImportLayout
    from nps_connect.rules.imports.columns import ColumnMapping
    from nps_connect.services.context import Context
    from nps_connect.services.imports.archive import ArchiveFile
    from nps_connect.services.imports.import_file import ImportFile
    from nps_connect.services.imports.match_contacts import ImportTarget

F = TypeVar("F", bound=Callable[..., Any])

_PERSON = ("email", "person_id")
_SUPPRESSED = ("email", "mailbox", "contact", "person_id")
REQUIRED_FIELDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "responses": (("email", "contact_id", "person_id"), ("score",), ("answered_at",)),
    "people": (_PERSON,),
    "unsubscribes": (_SUPPRESSED,),
    "bounces": (_SUPPRESSED,),
    "suppressions": (_SUPPRESSED,),
    "review_invitations": (("email",), ("platform",), ("sent_at",)),
}
"""Groups of fields by kind of file; one field of each group is required."""


class FileFormat(NamedTuple):
    """How to read the files, as given on the command line; None means detect it.

    Attributes:
        encoding: a key of `csv_input.ENCODINGS`.
        delimiter: a key of `csv_input.DELIMITERS`.
        timezone: IANA name of the zone of times without one.
        dates: order of day and month.
        columns: ``[KIND.]FIELD=NAME``.
        answers: names of columns that are answers to further questions.
    """

    encoding: str | None
    delimiter: str | None
    timezone: str | None
    dates: Any
    columns: Sequence[str] = ()
    answers: Sequence[str] = ()


def file_form(
    *,
    encoding: str | None,
    delimiter: str | None,
    timezone: str | None,
    dates: str | None,
    column_options: Sequence[str],
    answers: Sequence[str],
) -> FileFormat:
    """Return the options of the command line about the format of the files."""
    return FileFormat(encoding, delimiter, timezone, dates, column_options, answers)


def moment_options(command: F) -> F:
    """Add ``--timezone``, ``--dates`` and ``--answer``."""
    for option in (
        click.option(
            "--answer",
            "answers",
            multiple=True,
            metavar="COLUMN",
            help="Keep this column as the answer to a further question; repeatable.",
        ),
        click.option(
            "--dates",
            type=click.Choice(["day-first", "month-first"]),
            help="How to read 03/04/2026; detected if possible.",
        ),
        click.option("--timezone", metavar="ZONE", help="Zone of times without one, such as Europe/Paris."),
    ):
        command = option(command)
    return command


def archive_options(command: F) -> F:
    """Add ``SOURCE``, ``FILES``, ``--survey`` and the options of their format."""
    for option in (
        moment_options,
        csv_input.format_options,
        click.option(
            "--survey",
            required=True,
            metavar="NAME",
            help="The configured survey that the responses belong to.",
            shell_complete=complete_survey,
        ),
        click.argument("files", nargs=-1, required=True, metavar="[KIND=]FILE..."),
        click.argument("source"),
    ):
        command = option(command)
    return command


def load_layouts(ctx: Context) -> tuple[ImportLayout, ...]:
    """Return the layouts of the core and of the installed plugins."""
    from nps_connect.rules.imports.layouts import LAYOUTS

    return (*LAYOUTS, *(layout for info in ctx.plugins.infos.values() for layout in info.import_layouts))


def build_target(ctx: Context, survey: str, connection: str | None) -> ImportTarget:
    """Return where responses and invitations belong.

    Raises:
        click.UsageError: there is no such survey or connection, or several connections are possible.
    """
    from nps_connect.services.imports.match_contacts import ImportTarget

    name = csv_input.select_connection(ctx, survey, connection)
    return ImportTarget(survey, name, ctx.has(name, "nps_find_contacts"))


def open_archive(ctx: Context, source: str, files: Sequence[str], form: FileFormat) -> list[ArchiveFile]:
    """Recognise and open the files of an archive; a folder stands for the files in it.

    Args:
        ctx: the application context.
        source: name of the tool.
        files: paths, optionally with their kind in front: ``bounces=list.csv``.
        form: how to read them.

    Raises:
        click.UsageError: the source or a kind is unknown, or a required column is missing.
        CommandError: a file cannot be read or is not recognised.
        InvalidImportFile: a file is not a table.
    """
    from nps_connect.records.imports import ImportKind
    from nps_connect.rules.imports.layouts import describe_mismatch, find_layout, recognize_layout, sources
    from nps_connect.rules.imports.row_errors import naming_file

    layouts = load_layouts(ctx)
    require_name(source, sources(layouts), "source")
    opened = []
    for text in files:
        for kind, path in _split(text, get_args(ImportKind)):
            with naming_file(path.name):
                file = csv_input.open_file(path, encoding=form.encoding, delimiter=form.delimiter, is_reported=False)
                if not file.header:
                    click.echo(f"{path.name}: no entries", err=True)
                    continue
                layout = find_layout(layouts, source, kind) if kind else recognize_layout(layouts, source, file.header)
                if layout is None:
                    mismatch = describe_mismatch(layouts, source, file.header)
                    raise CommandError(
                        f"{path.name} is no file of {source}: {mismatch}. Name its kind if its columns have other "
                        f"names, such as responses={path.name} with --column"
                    )
                opened.append(open_archive_file(ctx, file, layout, form))
    if not opened:
        raise CommandError("the files contain no entries")
    _print_files(opened)
    return opened


def _print_files(opened: Sequence[ArchiveFile]) -> None:
    """Print on standard error what was recognised, files of one kind and format together."""
    groups: dict[tuple[str, str], list[ArchiveFile]] = {}
    for file in opened:
        groups.setdefault((file.layout.kind, csv_input.describe_format(file.file)), []).append(file)
    for (kind, description), files in groups.items():
        others = f" and {pluralize(len(files) - 1, 'more file', 'more files')}" if len(files) > 1 else ""
        click.echo(f"{files[0].name}{others}: {kind}, {description}", err=True)
        csv_input.print_unused(list(dict.fromkeys(name for file in files for name in file.columns.unused)))


def _split(text: str, kinds: Sequence[ImportKind]) -> list[tuple[ImportKind | None, Path]]:
    """Return kind and path of each file that an argument names."""
    kind, sign, remainder = text.partition("=")
    path = Path(remainder if sign and kind in kinds else text)
    if path.is_dir():
        paths = sorted(entry for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
    else:
        paths = [path]
    return [(kind if sign and kind in kinds else None, entry) for entry in paths]  # type: ignore[misc]


def open_archive_file(
    ctx: Context, file: ImportFile, layout: ImportLayout, form: FileFormat, default_zone: tzinfo | None = None
) -> ArchiveFile:
    """Find the columns, the time zone and the order of day and month of a file.

    Raises:
        click.UsageError: a required column is missing, or the time zone does not exist.
        InvalidImportFile: the dates are ambiguous.
    """
    from nps_connect.rules.imports.fields import FIELDS_BY_KIND
    from nps_connect.services.imports.archive import ArchiveFile
    from nps_connect.services.imports.moments import MomentParser, detect_day_order

    file, columns = csv_input.find_file_columns(
        file,
        FIELDS_BY_KIND[layout.kind],
        required=REQUIRED_FIELDS[layout.kind],
        preset=layout.columns,
        column_options=_column_options(form.columns, layout.kind),
    )
    order = form.dates or detect_day_order(file.rows(), columns)
    zone = _zone(form.timezone or layout.zone) or default_zone
    answers = _answer_columns(file, form.answers, columns) if layout.kind == "responses" else {}
    return ArchiveFile(layout, file, columns, MomentParser(order, zone, ctx.clock()), answers)


def _column_options(options: Sequence[str], kind: str) -> list[str]:
    """Return the column options of a kind of file; those without a kind belong to responses."""
    split = [option.partition(".") for option in options]
    named = [remainder for name, _, remainder in split if name == kind]
    plain = [option for option, (name, _, _) in zip(options, split, strict=True) if name not in REQUIRED_FIELDS]
    return [*named, *(plain if kind == "responses" else [])]


def _answer_columns(file: ImportFile, names: Sequence[str], columns: ColumnMapping) -> dict[str, int]:
    from nps_connect.rules.imports.columns import ColumnNotFound

    unused = [name for name in names if name not in file.header]
    if unused:
        error = ColumnNotFound("an answer", unused[0], file.header, twice=False)
        raise click.BadParameter(f"{file.path.name}: {error}", param_hint="--answer")
    indexes = {name: file.header.index(name) for name in names}
    return {name: index for name, index in indexes.items() if index not in columns.index_by_field.values()}


def _zone(name: str | None) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        raise click.BadParameter("an IANA time zone such as Europe/Paris", param_hint="--timezone") from None
