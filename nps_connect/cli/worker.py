"""``nps-connect worker``."""

from __future__ import annotations

from nps_connect.cli._support.options import Options, command


@command
def worker(options: Options, as_json: bool) -> None:
    """Run a worker only. Any number of workers can run, on any host. Requires PostgreSQL."""
    from nps_connect.cli._support.process import run_until_stopped

    run_until_stopped(options, role="worker", name="The worker", as_json=as_json)
