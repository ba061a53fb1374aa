"""``nps-connect worker``."""

from __future__ import annotations

from nps_connect.cli._support.options import Options, command


@command
def worker(options: Options, as_json: bool) -> None:
    """Run a worker only. Any number of workers can run, on any host. Requires PostgreSQL."""
    from nps_connect.cli._support import process

    with process.start_application(options) as (application, stop_event):
        process.require_postgres(application, "worker")
        with process.run_worker(application, role="worker", is_sole_process=False):
            process.print_ready(application, "The worker", as_json=as_json, is_listening=False)
            process.wait_for_stop(application, stop_event)
