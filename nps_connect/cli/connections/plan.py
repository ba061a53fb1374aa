"""``nps-connect connections plan``."""

from __future__ import annotations

import click

from nps_connect.cli._support.completion import complete_connection
from nps_connect.cli._support.names import require_connection
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json
from nps_connect.cli._support.setup_changes import changes_json, print_changes, summarize_changes


@command
@click.argument("name", shell_complete=complete_connection)
def plan(options: Options, name: str, as_json: bool) -> None:
    """Show missing or different objects in the vendor account of connection NAME. Changes nothing.

    `connections apply` creates + and changes ~; an administrator at the vendor must do !.
    """
    from nps_connect.services.operations.connection_setup import plan_setup

    with options.open_application() as application:
        changes = plan_setup(application.ctx, require_connection(name, application.ctx.connections))
    if as_json:
        print_json({"connection": name, "changes": changes_json(changes)})
    elif changes:
        print_changes(changes)
        click.echo(f"\n{summarize_changes(changes)}. To apply: nps-connect connections apply {name}")
    else:
        click.echo(f"{name} is up to date.")
