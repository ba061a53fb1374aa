"""``nps-connect run``."""

from __future__ import annotations

from nps_connect.cli._support.options import Options, command


@command
def run(options: Options, as_json: bool) -> None:
    """Run the web server (survey pages, webhooks) and the worker in one process.

    SIGTERM or Ctrl+C shuts down gracefully: running deliveries finish, pending ones stay in the database.
    """
    from nps_connect.cli._support import process

    with process.start_application(options) as (application, stop_event):
        is_sole_process = application.ctx.ledger.is_sqlite
        with (
            process.run_worker(application, role="run", is_sole_process=is_sole_process),
            process.run_web_server(application) as thread,
        ):
            process.print_ready(application, "nps-connect", as_json=as_json, is_listening=True)
            process.wait_for_stop(application, stop_event, thread)
