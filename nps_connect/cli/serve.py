"""``nps-connect serve``."""

from __future__ import annotations

from nps_connect.cli._support.options import Options, command


@command
def serve(options: Options, as_json: bool) -> None:
    """Run the web server only (survey pages, webhooks). Requires PostgreSQL and at least one worker."""
    from nps_connect.cli._support.process import run_until_stopped

    run_until_stopped(options, role="serve", name="The web server", as_json=as_json)
