"""What ``run``, ``serve`` and ``worker`` share: the web server in a thread, and ending in good order."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.logging_setup import configure_logging
from nps_connect.cli._support.options import Options
from nps_connect.errors import ConfigError, NpsConnectError

if TYPE_CHECKING:
    from nps_connect.app.application import Application

SHUTDOWN_TIMEOUT_SECONDS = 10
"""Seconds that open requests get when the process is told to end."""

POLL_INTERVAL_SECONDS = 0.5


@contextmanager
def run_web_server(application: Application) -> Iterator[threading.Thread]:
    """Serve the pages and the webhook intake until the end of the block.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    import uvicorn

    from nps_connect.app.web_backend import ApplicationWebBackend
    from nps_connect.web.app import create_app
    from nps_connect.worker.gc_tuning import reduced_gc

    host, _, port = application.ctx.settings.core.listen.rpartition(":")
    try:
        listening = socket.create_server((host, int(port)), backlog=2048)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a body waits 40 ms behind its head
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {os.strerror(error.errno) if error.errno else error}",
            key="core.listen",
            fix="stop what listens there, or choose another host and port",
        ) from None
    config = uvicorn.Config(
        create_app(ApplicationWebBackend(application.ctx), clock=application.ctx.clock),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_SECONDS,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="web", daemon=True)
    thread.start()
    try:
        with reduced_gc():
            yield thread
    finally:
        server.should_exit = True
        thread.join(SHUTDOWN_TIMEOUT_SECONDS + 5)
        listening.close()


@contextmanager
def run_worker(application: Application, *, role: str, is_sole_process: bool) -> Iterator[None]:
    """Carry out deliveries until the end of the block; running calls finish, the rest is given back.

    Args:
        application: the joined parts.
        role: `run` or `worker`.
        alone: no other process can be working: everything that was running is taken back at once.

    Raises:
        ConfigError: another process works on the same file.
    """
    from nps_connect.app.lifespan import worker_lifespan
    from nps_connect.app.process_lock import single_process_lock

    with single_process_lock(application.ctx.ledger):
        with worker_lifespan(application, role=role, is_sole_process=is_sole_process) as engine:
            yield
        if engine.is_running:
            click.echo("Some calls did not end in time; they are looked for after the next start.", err=True)


def wait_for_stop(told: threading.Event, *threads: threading.Thread) -> None:
    """Wait for SIGTERM or Ctrl+C, which set the event.

    Raises:
        NpsConnectError: one of the threads ended by itself.
    """
    while not told.wait(POLL_INTERVAL_SECONDS):
        ended = [thread.name for thread in threads if not thread.is_alive()]
        if ended:
            raise NpsConnectError(f"{ended[0]} ended by itself; the log says why")


@contextmanager
def start_application(options: Options) -> Iterator[tuple[Application, threading.Event]]:
    """The application of a long-running command, its log started; and an event that SIGTERM or Ctrl+C sets.

    They are listened to before anything else starts, so that one that comes too early ends it in good order too.

    Raises:
        ConfigError: a mistake in the configuration, or a database that cannot be used as it is.
    """
    from nps_connect.sandbox.stop_signal import stop_event_on_signal

    with stop_event_on_signal() as told, options.application() as application:
        configure_logging(application.ctx.redact, debug=options.debug)
        yield application, told


def print_ready(application: Application, what: str, *, as_json: bool, listening: bool) -> None:
    """Say on standard output, in one line, that the process is up."""
    core = application.ctx.settings.core
    url = f"http://{core.listen}" if listening else None
    if as_json:
        click.echo(json.dumps({"running": what, "url": url, "public_url": core.url, "mode": core.mode}))
        return
    where = f" on {url}, reached as {core.url}" if url else ""
    shadow = "; mode is shadow: nothing is sent" if core.mode == "shadow" else ""
    click.echo(f"{what} is up{where}{shadow}. Stop it with Ctrl+C.")


def require_postgres(application: Application, command: str) -> None:
    """Refuse to split web and worker on SQLite.

    Raises:
        ConfigError: with the command to use in its place.
    """
    if application.ctx.ledger.is_sqlite:
        raise ConfigError(
            f"{command} needs PostgreSQL: on SQLite one process is both web and worker",
            key="core.database_url",
            fix="run: nps-connect run",
        )
