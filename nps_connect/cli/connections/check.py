"""``nps-connect connections check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.connection_names import require_connection
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import console, pluralize, print_json

if TYPE_CHECKING:
    from nps_connect.services.operations.connection_checks import ConnectionCheck

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


@click.command(cls=Command)
@click.argument("name", required=False)
@json_option
@pass_options
def check(options: Options, name: str | None, as_json: bool) -> None:
    """Check all accounts, or the one called NAME. Nothing is changed at the vendors.

    What a vendor's refusal (401 or 403) had stopped goes on by itself when the check passes. Exit code 1 if anything is
    wrong.
    """
    from nps_connect.services.operations.connection_checks import check_connection as examine

    with options.application() as application:
        ctx = application.ctx
        names = [require_connection(name, ctx.connections)] if name else list(ctx.connections)
        checkups = []
        for each in names:
            checkups.append(examine(ctx, each))
            if not as_json:
                _print(checkups[-1], ctx.connector_info(each).title)
    if as_json:
        print_json([_checkup_json(checkup) for checkup in checkups])
    if not all(checkup.ok for checkup in checkups):
        raise click.exceptions.Exit(1)


def _checkup_json(checkup: ConnectionCheck) -> dict[str, object]:
    return {
        "connection": checkup.connection,
        "ok": checkup.ok,
        "findings": [finding.model_dump(mode="json") for finding in checkup.findings],
        "resumed": list(checkup.resumed),
    }


def _print(checkup: ConnectionCheck, title: str) -> None:
    from rich.text import Text

    out = console()
    out.print(Text.assemble((checkup.connection, "bold"), f" ({title})"), soft_wrap=True)
    for finding in checkup.findings:
        mark, colour = MARKS[finding.severity]
        out.print(Text.assemble("  ", (mark, colour), f" {finding.text}"), soft_wrap=True)
        if finding.fix:
            out.print(Text(f"    {finding.fix}", style="dim"), soft_wrap=True)
    errors = sum(finding.severity == "error" for finding in checkup.findings)
    warnings = sum(finding.severity == "warning" for finding in checkup.findings)
    click.echo(f"  {pluralize(errors, 'error', 'errors')}, {pluralize(warnings, 'warning', 'warnings')}\n")
