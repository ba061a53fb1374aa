"""``nps-connect serve``."""

from __future__ import annotations

from nps_connect.cli._support.options import Options, command


@command
def serve(options: Options, as_json: bool) -> None:
    """Run the web server only (survey pages, webhooks). Requires PostgreSQL and at least one worker."""
    from nps_connect.app.lifespan import web_lifespan
    from nps_connect.cli._support import process

    with process.start_application(options) as (application, stop_event):
        process.require_postgres(application, "serve")
        with web_lifespan(application), process.run_web_server(application) as thread:
            process.print_ready(application, "The web server", as_json=as_json, is_listening=True)
            process.wait_for_stop(application, stop_event, thread)
