"""``nps-connect connections apply``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from nps_connect.cli.asking import ask
from nps_connect.cli.connections.changes import facts, print_changes, summary
from nps_connect.cli.connections.naming import known
from nps_connect.cli.guarding import Failure
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import counted, print_json

if TYPE_CHECKING:
    from nps_connect.flows.context import Context
    from nps_connect.records.findings import SetupChange


@click.command(cls=Command)
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask before anything is created at the vendor.")
@json_option
@pass_options
def apply(options: Options, name: str, yes: bool, as_json: bool) -> None:
    """Create what the account NAME lacks at its vendor. Twice is harmless; nothing is ever deleted.

    Exit code 1 if something remains that only an admin at the vendor can do.
    """
    from nps_connect.flows.minding.setting_up import plan_setup

    with options.application() as application:
        ctx = application.ctx
        changes = plan_setup(ctx, known(name, ctx.connections))
        ours = [change for change in changes if change.change != "blocked"]
        if not as_json:
            print_changes(changes)
            click.echo(f"\n{summary(changes)}." if changes else f"{name} has all that it needs.")
        if ours:
            ask(f"Carry this out at {ctx.info_of(name).title}?", yes=yes)
        done = _apply(ctx, name, ours)
        remaining = plan_setup(ctx, name) if done else changes
    if as_json:
        print_json({"connection": name, "done": facts(done), "remaining": facts(remaining)})
    elif done:
        click.echo(f"Done: {counted(len(done), 'change', 'changes')}.")
        if remaining:
            click.echo("What remains:")
            print_changes(remaining)
    if remaining:
        raise click.exceptions.Exit(1)


def _apply(ctx: Context, name: str, changes: Sequence[SetupChange]) -> list[SetupChange]:
    from nps_connect.errors import DeliveryError
    from nps_connect.flows.minding.setting_up import apply_setup

    try:
        return apply_setup(ctx, name, changes)
    except DeliveryError as error:
        told = ctx.redact(error.message)
        raise Failure(f"{told}; what was done before it stays done, and applying again is harmless") from error
