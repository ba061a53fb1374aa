"""``nps-connect worker``."""

from __future__ import annotations

import click

from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options


@click.command(cls=Command)
@json_option
@pass_options
def worker(options: Options, as_json: bool) -> None:
    """Carry out deliveries, without web; start as many as wanted, on any machine. Needs PostgreSQL."""
    from nps_connect.cli.serving import announce, joined, need_postgres, wait_for, work

    with joined(options) as (application, told):
        need_postgres(application, "worker")
        with work(application, role="worker", alone=False):
            announce(application, "The worker", as_json=as_json, listening=False)
            wait_for(told)
