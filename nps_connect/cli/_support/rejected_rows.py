"""Shared by all imports: rejected rows, collected, written to a file and printed."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.output import open_output, pluralize

if TYPE_CHECKING:
    from nps_connect.rules.imports.row_errors import RowErrors

MAX_SHOWN = 20
MAX_SHOWN_OF_REASON = 5


@contextmanager
def open_refused(path: Path | None, *, with_file: bool = False) -> Iterator[Callable[[str], RowErrors]]:
    """Yield a function that returns the collector of rejected lines of a file, which also writes them to `path`.

    Args:
        path: the file to write; None means none.
        with_file: write the name of the imported file too.

    Raises:
        CommandError: the file cannot be written.
    """
    from nps_connect.rules.imports.row_errors import RowErrors

    if path is None:
        yield lambda _file: RowErrors()
        return
    with open_output(path) as stream:
        writer = csv.writer(stream)
        writer.writerow((*(("file",) if with_file else ()), "line", "reason", "detail"))

        def collect(file: str) -> RowErrors:
            names = (file,) if with_file else ()
            return RowErrors(on_error=lambda error: writer.writerow((*names, error.line, error.reason, error.detail)))

        yield collect


@contextmanager
def collect_rejected(path: Path | None) -> Iterator[RowErrors]:
    """Yield a collector of the rejected lines of one file; see `open_refused`."""
    with open_refused(path) as collect:
        yield collect("")


def print_rejected(errors: RowErrors, path: Path | None, file: str | None = None) -> None:
    """Print rejected lines on standard error, with the path of the file that lists all of them.

    Args:
        errors: of one file.
        path: the file that lists all of them.
        file: name of the imported file, if there are several.
    """
    if not errors.total:
        return
    reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(errors.counts.items()))
    of_file, plural = f"{file}: " if file else "", "entries" if errors.unit == "entry" else "lines"
    click.echo(f"{of_file}{pluralize(errors.total, errors.unit, plural)} rejected ({reasons}):", err=True)
    for error in errors.samples[:MAX_SHOWN]:
        click.echo(f"  {errors.unit} {error.line}: {error.detail}", err=True)
    if errors.total > MAX_SHOWN:
        where = f"see {path}" if path else "write all of them to a file with --refused CSV"
        click.echo(f"  and {errors.total - MAX_SHOWN} more: {where}", err=True)


def print_rejected_of_files(errors_by_file: Sequence[tuple[str, RowErrors]], path: Path | None) -> None:
    """Print the rejected rows of several files on standard error: numbers by reason, and the first rows of each.

    Args:
        errors_by_file: name and rejected rows of each file.
        path: the file that lists all rejected rows.
    """
    refusing = [(name, errors) for name, errors in errors_by_file if errors.total]
    if len(refusing) == 1:
        print_rejected(refusing[0][1], path, refusing[0][0])
    if len(refusing) < 2:
        return
    counts = sum((errors.counts for _, errors in refusing), Counter[str]())
    click.echo(f"{counts.total()} rows of {len(refusing)} files rejected:", err=True)
    for reason, number in counts.most_common():
        click.echo(f"  {reason} {number}", err=True)
        samples = ((name, errors.unit, error) for name, errors in refusing for error in errors.samples)
        of_reason = [sample for sample in samples if sample[2].reason == reason]
        for name, unit, error in of_reason[:MAX_SHOWN_OF_REASON]:
            click.echo(f"    {name} {unit} {error.line}: {error.detail}", err=True)
    click.echo(f"all rejected rows: {path or 'write them to a file with --refused CSV'}", err=True)


def rejected_json(errors: RowErrors) -> dict[str, Any]:
    """Return the rejected lines for ``--json``: counts, and details of the first ones."""
    from dataclasses import asdict

    return {"lines": errors.total, "reasons": dict(errors.counts), "first": [asdict(error) for error in errors.samples]}
