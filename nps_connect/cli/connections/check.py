"""``nps-connect connections check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.completion import complete_connection
from nps_connect.cli._support.findings_output import print_findings
from nps_connect.cli._support.names import require_connection
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import console, pluralize, print_json

if TYPE_CHECKING:
    from nps_connect.services.operations.connection_checks import ConnectionCheck


@command
@click.argument("name", required=False, shell_complete=complete_connection)
def check(options: Options, name: str | None, as_json: bool) -> None:
    """Check all connections, or only NAME. Changes nothing at the vendors.

    A pause caused by a vendor's 401 or 403 ends when the check passes. Exit code 1 if a check fails.
    """
    from nps_connect.services.operations.connection_checks import check_connection

    with options.open_application() as application:
        ctx = application.ctx
        names = [require_connection(name, ctx.connections)] if name else list(ctx.connections)
        results: list[ConnectionCheck] = []
        for connection in names:
            results.append(check_connection(ctx, connection))
            if results[-1].resumed:
                with ctx.ledger.write() as session:
                    audit_command(session, ", ".join(results[-1].resumed))
            if not as_json:
                _print(results[-1], ctx.connector_info(connection).title)
    if as_json:
        print_json({"items": [_check_json(result) for result in results], "next_cursor": None})
    if not all(result.ok for result in results):
        raise click.exceptions.Exit(1)


def _check_json(result: ConnectionCheck) -> dict[str, object]:
    return {
        "connection": result.connection,
        "ok": result.ok,
        "findings": [finding.model_dump(mode="json") for finding in result.findings],
        "resumed": list(result.resumed),
    }


def _print(result: ConnectionCheck, title: str) -> None:
    from rich.text import Text

    console().print(Text.assemble((result.connection, "bold"), f" ({title})"), soft_wrap=True)
    print_findings(result.findings)
    errors = sum(finding.severity == "error" for finding in result.findings)
    warnings = sum(finding.severity == "warning" for finding in result.findings)
    click.echo(f"  {pluralize(errors, 'error', 'errors')}, {pluralize(warnings, 'warning', 'warnings')}\n")
