"""``nps-connect run``."""

from __future__ import annotations

from nps_connect.cli._support.options import Options, command


@command
def run(options: Options, as_json: bool) -> None:
    """Run the web server (survey pages, webhooks) and the worker in one process.

    SIGTERM or Ctrl+C shuts down gracefully: running deliveries finish, pending ones stay in the database. SIGHUP loads
    the configuration anew, without closing the port; an invalid one is logged and leaves the old one in force.
    """
    from nps_connect.cli._support.process import run_until_stopped

    run_until_stopped(options, role="run", name="nps-connect", as_json=as_json)
