"""``nps-connect connections apply``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.completion import complete_connection
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.names import require_connection
from nps_connect.cli._support.options import Options, command, yes_option
from nps_connect.cli._support.output import pluralize, print_json
from nps_connect.cli._support.setup_changes import changes_json, print_changes, summarize_changes

if TYPE_CHECKING:
    from nps_connect.records.findings import SetupChange
    from nps_connect.services.context import Context


@command
@click.argument("name", shell_complete=complete_connection)
@yes_option
def apply(options: Options, name: str, yes: bool, as_json: bool) -> None:
    """Create missing objects in the vendor account of connection NAME. Idempotent; deletes nothing.

    Exit code 1 if changes remain that only an administrator at the vendor can make.
    """
    from nps_connect.services.operations.connection_setup import plan_setup

    with options.open_application() as application:
        ctx = application.ctx
        changes = plan_setup(ctx, require_connection(name, ctx.connections))
        possible = [change for change in changes if change.change != "blocked"]
        if not as_json:
            print_changes(changes)
            click.echo(f"\n{summarize_changes(changes)}." if changes else f"{name} is up to date.")
        if possible:
            confirm(f"Apply these changes at {ctx.connector_info(name).title}?", yes=yes)
            with ctx.ledger.write() as session:
                audit_command(session, f"connection:{name}")
        applied = _apply(ctx, name, possible)
        remaining = plan_setup(ctx, name) if applied else changes
    if as_json:
        print_json({"connection": name, "done": changes_json(applied), "remaining": changes_json(remaining)})
    elif applied:
        click.echo(f"Applied {pluralize(len(applied), 'change', 'changes')}.")
        if remaining:
            click.echo("Remaining:")
            print_changes(remaining)
    if remaining:
        raise click.exceptions.Exit(1)


def _apply(ctx: Context, name: str, changes: Sequence[SetupChange]) -> list[SetupChange]:
    from nps_connect.errors import DeliveryError
    from nps_connect.services.operations.connection_setup import apply_setup

    try:
        return apply_setup(ctx, name, changes)
    except DeliveryError as error:
        message = ctx.redact(error.message)
        raise CommandError(f"{message}; earlier changes are kept, fix the cause and run apply again") from error
