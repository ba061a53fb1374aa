"""``nps-connect run``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options


@click.command(cls=Command)
@json_option
@pass_options
def run(options: Options, as_json: bool) -> None:
    """Serve the pages and the webhook intake, and carry out deliveries, in one process.

    SIGTERM or Ctrl+C ends it in good order: running deliveries finish, the rest waits in the database.
    """
    from nps_connect.cli._support.process import (
        print_ready,
        run_web_server,
        run_worker,
        start_application,
        wait_for_stop,
    )

    with start_application(options) as (application, told):
        alone = application.ctx.ledger.is_sqlite
        with run_worker(application, role="run", is_sole_process=alone), run_web_server(application) as thread:
            print_ready(application, "nps-connect", as_json=as_json, listening=True)
            wait_for_stop(told, thread)
