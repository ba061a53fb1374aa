"""``nps-connect connections apply``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.connection_names import require_connection
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import pluralize, print_json
from nps_connect.cli._support.setup_changes import changes_json, print_changes, summarize_changes

if TYPE_CHECKING:
    from nps_connect.records.findings import SetupChange
    from nps_connect.services.context import Context


@click.command(cls=Command)
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask before anything is created at the vendor.")
@json_option
@pass_options
def apply(options: Options, name: str, yes: bool, as_json: bool) -> None:
    """Create what the account NAME lacks at its vendor. Twice is harmless; nothing is ever deleted.

    Exit code 1 if something remains that only an admin at the vendor can do.
    """
    from nps_connect.services.operations.connection_setup import plan_setup

    with options.application() as application:
        ctx = application.ctx
        changes = plan_setup(ctx, require_connection(name, ctx.connections))
        ours = [change for change in changes if change.change != "blocked"]
        if not as_json:
            print_changes(changes)
            click.echo(f"\n{summarize_changes(changes)}." if changes else f"{name} has all that it needs.")
        if ours:
            confirm(f"Carry this out at {ctx.connector_info(name).title}?", yes=yes)
        done = _apply(ctx, name, ours)
        remaining = plan_setup(ctx, name) if done else changes
    if as_json:
        print_json({"connection": name, "done": changes_json(done), "remaining": changes_json(remaining)})
    elif done:
        click.echo(f"Done: {pluralize(len(done), 'change', 'changes')}.")
        if remaining:
            click.echo("What remains:")
            print_changes(remaining)
    if remaining:
        raise click.exceptions.Exit(1)


def _apply(ctx: Context, name: str, changes: Sequence[SetupChange]) -> list[SetupChange]:
    from nps_connect.errors import DeliveryError
    from nps_connect.services.operations.connection_setup import apply_setup

    try:
        return apply_setup(ctx, name, changes)
    except DeliveryError as error:
        told = ctx.redact(error.message)
        raise CommandError(f"{told}; what was done before it stays done, and applying again is harmless") from error
