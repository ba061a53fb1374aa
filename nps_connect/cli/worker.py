"""``nps-connect worker``."""

from __future__ import annotations

from nps_connect.cli._support.options import Options, command


@command
def worker(options: Options, as_json: bool) -> None:
    """Run a worker only. Any number of workers can run, on any host. Requires PostgreSQL."""
    from nps_connect.cli._support.process import (
        print_ready,
        require_postgres,
        run_worker,
        start_application,
        wait_for_stop,
    )

    with start_application(options) as (application, stop_event):
        require_postgres(application, "worker")
        with run_worker(application, role="worker", is_sole_process=False):
            print_ready(application, "The worker", as_json=as_json, is_listening=False)
            wait_for_stop(stop_event)
