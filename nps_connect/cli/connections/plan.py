"""``nps-connect connections plan``."""

from __future__ import annotations

import click

from nps_connect.cli.connections.changes import facts, print_changes, summary
from nps_connect.cli.connections.naming import known
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import print_json


@click.command(cls=Command)
@click.argument("name")
@json_option
@pass_options
def plan(options: Options, name: str, as_json: bool) -> None:
    """Show what the account NAME lacks at its vendor, or has otherwise. Nothing is changed.

    + is created by `connections apply`, ~ is changed, ! must be done by an admin at the vendor.
    """
    from nps_connect.flows.minding.setting_up import plan_setup

    with options.application() as application:
        changes = plan_setup(application.ctx, known(name, application.ctx.connections))
    if as_json:
        print_json({"connection": name, "changes": facts(changes)})
        return
    if not changes:
        click.echo(f"{name} has all that it needs.")
        return
    print_changes(changes)
    click.echo(f"\n{summary(changes)}. Carry it out with: nps-connect connections apply {name}")
