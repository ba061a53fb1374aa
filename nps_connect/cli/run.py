"""``nps-connect run``."""

from __future__ import annotations

import click

from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options


@click.command(cls=Command)
@json_option
@pass_options
def run(options: Options, as_json: bool) -> None:
    """Serve the pages and the webhook intake, and carry out deliveries, in one process.

    SIGTERM or Ctrl+C ends it in good order: running deliveries finish, the rest waits in the database.
    """
    from nps_connect.cli.serving import announce, joined, wait_for, web, work

    with joined(options) as (application, told):
        alone = application.ctx.ledger.is_sqlite
        with work(application, role="run", alone=alone), web(application) as thread:
            announce(application, "nps-connect", as_json=as_json, listening=True)
            wait_for(told, thread)
