"""``nps-connect imports verify``."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support import archive_input
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import pluralize, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nps_connect.services.imports.verify import Comparison

DEFINITIONS = {
    "all": "all responses count",
    "latest": "the latest response of each person counts, in each month and in the whole period",
}
MAX_SHOWN = 20


@command
@archive_input.archive_options
@click.option(
    "--definition",
    type=click.Choice(list(DEFINITIONS)),
    default="all",
    show_default=True,
    help="Which responses count: all, or the latest of each person.",
)
@click.option("--expect-nps", metavar="NUMBER", help="The NPS of the whole period as the other tool shows it.")
def verify(
    options: Options,
    /,
    source: str,
    files: tuple[str, ...],
    survey: str,
    connection: str | None,
    refused: Path | None,  # noqa: ARG001  # the options of the three commands are the same
    definition: Any,  # noqa: ANN401  # a Definition
    expect_nps: str | None,
    as_json: bool,
    **file_format: Any,  # noqa: ANN401  # texts
) -> None:
    """Compare an import with its files: the NPS of each month, and that no opted-out mailbox is reached.

    A second reader, which shares no code with the import, recounts the files. A campaign of everybody who opted out or
    bounced is decided as a dry run. Nothing is written. Exit code 1 if anything differs.
    """
    from nps_connect.services.imports.verify import WHOLE_PERIOD, nps_of, verify_import

    expected = _parse_number(expect_nps)
    with options.open_application() as application:
        ctx = application.ctx
        target = archive_input.build_target(ctx, survey, connection)
        opened = archive_input.open_archive(ctx, source, files, archive_input.file_form(**file_format))
        comparison = verify_import(ctx, target, opened, definition)
    total = nps_of(comparison.ledger.get(WHOLE_PERIOD, {}))
    is_expected = expected is None or (total is not None and _as_shown(total, expected) == expected)
    is_equal = comparison.is_equal() and is_expected
    if as_json:
        print_json({**_json(comparison, definition), "expected_nps": expect_nps, "equal": is_equal})
    else:
        _print(comparison, definition, {file.name: file.file.unit for file in opened})
    if not is_expected:
        shown = "no responses" if total is None else f"NPS {total:.2f}"
        raise CommandError(f"the ledger has {shown}, expected was {expect_nps}; {DEFINITIONS[definition]}")
    if not is_equal:
        raise CommandError("the import differs from its files; see: nps-connect imports plan, for rejected lines")


def _parse_number(text: str | None) -> Decimal | None:
    try:
        return Decimal(text.replace(",", ".")) if text is not None else None
    except InvalidOperation:
        raise click.BadParameter("a number such as 42 or 41.7", param_hint="--expect-nps") from None


def _as_shown(nps: float, expected: Decimal) -> Decimal:
    """Return an NPS with as many digits as the expected one."""
    return Decimal(nps).quantize(Decimal((0, (1,), expected.as_tuple().exponent)), ROUND_HALF_UP)  # type: ignore[arg-type]


def _json(comparison: Comparison, definition: str) -> dict[str, Any]:
    months = sorted(comparison.files.keys() | comparison.ledger.keys())
    return {
        "definition": definition,
        "months": [
            {"month": month, "files": _figure(comparison.files, month), "ledger": _figure(comparison.ledger, month)}
            for month in months
        ],
        "differing": comparison.differing,
        "unreadable": comparison.unreadable,
        "without_texts": comparison.without_texts,
        "opted_out": comparison.opted_out,
        "reachable": [{"file": file, "line": line} for file, line in comparison.reachable[:MAX_SHOWN]],
        "unidentified": [{"file": file, "line": line} for file, line in comparison.unidentified[:MAX_SHOWN]],
    }


def _figure(counts: Mapping[str, Mapping[str, int]], month: str) -> dict[str, Any]:
    from nps_connect.services.imports.verify import nps_of

    of_month = counts.get(month, {})
    return {"responses": sum(of_month.values()), "nps": nps_of(of_month), **of_month}


def _print(comparison: Comparison, definition: str, unit_by_file: Mapping[str, str]) -> None:
    rows = []
    for month in sorted(comparison.files.keys() | comparison.ledger.keys()):
        files, ledger = _figure(comparison.files, month), _figure(comparison.ledger, month)
        verdict = "differs" if month in comparison.differing else "equal"
        rows.append(
            (month, files["responses"], _format(files["nps"]), ledger["responses"], _format(ledger["nps"]), verdict)
        )
    print_table(["month", "in files", "NPS", "stored", "NPS", ""], rows, empty="no responses")
    click.echo(f"Definition: {DEFINITIONS[definition]}.")
    if comparison.unreadable:
        click.echo(f"{pluralize(comparison.unreadable, 'answer has', 'answers have')} a time that cannot be read.")
    if comparison.without_texts:
        responses_lack = pluralize(comparison.without_texts, "stored response lacks", "stored responses lack")
        click.echo(f"{responses_lack} the comment, notes or further answers of the files (retention.comments).")
    rows_name = pluralize(comparison.opted_out, "opt-out or bounce names", "opt-outs and bounces name")
    click.echo(f"{rows_name} a mailbox; a campaign of everybody would reach {len(comparison.reachable)} of them.")
    _print_rows(comparison.reachable, unit_by_file)
    if comparison.unidentified:
        rows_have = pluralize(len(comparison.unidentified), "opt-out or bounce has", "opt-outs or bounces have")
        click.echo(f"{rows_have} neither an address nor a person of these files; add the file of people:")
        _print_rows(comparison.unidentified, unit_by_file)


def _print_rows(rows: Sequence[tuple[str, int]], unit_by_file: Mapping[str, str]) -> None:
    for file, number in rows[:MAX_SHOWN]:
        click.echo(f"  {file} {unit_by_file[file]} {number}")
    if len(rows) > MAX_SHOWN:
        click.echo(f"  and {len(rows) - MAX_SHOWN} more")


def _format(nps: float | None) -> str:
    return "-" if nps is None else f"{nps:.1f}"
