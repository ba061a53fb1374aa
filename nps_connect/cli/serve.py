"""``nps-connect serve``."""

from __future__ import annotations

import click

from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options


@click.command(cls=Command)
@json_option
@pass_options
def serve(options: Options, as_json: bool) -> None:
    """Serve the pages and the webhook intake only; workers do the rest. Needs PostgreSQL."""
    from nps_connect.cli.serving import announce, joined, need_postgres, wait_for, web
    from nps_connect.wiring.working import at_the_door

    with joined(options) as (application, told):
        need_postgres(application, "serve")
        with at_the_door(application), web(application) as thread:
            announce(application, "The web server", as_json=as_json, listening=True)
            wait_for(told, thread)
