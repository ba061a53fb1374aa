"""Shared by ``run``, ``serve`` and ``worker``: the web server thread, the worker, and graceful shutdown."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.logging_setup import configure_logging
from nps_connect.cli._support.options import Options
from nps_connect.errors import ConfigError, NpsConnectError

if TYPE_CHECKING:
    from nps_connect.app.application import Application
    from nps_connect.ledger.ledger import Ledger

log = logging.getLogger(__name__)

POLL_INTERVAL_SECONDS = 0.5
DATABASE_RETRY_SECONDS = 1.0
DATABASE_WAIT_SECONDS = 60.0
"""How long a process waits at its start for PostgreSQL."""


@contextmanager
def run_web_server(application: Application) -> Iterator[threading.Thread]:
    """Serve survey pages and webhooks in a thread until the end of the block; yields the thread.

    Raises:
        ConfigError: cannot listen on the configured address.
    """
    from nps_connect.app.web_backend import ApplicationWebBackend
    from nps_connect.web.app import create_app
    from nps_connect.web.server import GRACEFUL_SHUTDOWN_SECONDS, build_server
    from nps_connect.worker.gc_tuning import reduced_gc

    host, _, port = application.ctx.settings.core.listen.rpartition(":")
    try:
        listener = socket.create_server((host, int(port)), backlog=2048)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a body waits 40 ms behind its head
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {os.strerror(error.errno) if error.errno else error}",
            key="core.listen",
            fix="stop the process that listens there, or configure another host and port",
        ) from None
    app = create_app(ApplicationWebBackend(application.ctx), clock=application.ctx.clock)
    server = build_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web", daemon=True)
    thread.start()
    try:
        with reduced_gc():
            yield thread
    finally:
        server.should_exit = True
        thread.join(GRACEFUL_SHUTDOWN_SECONDS + 5)
        listener.close()


@contextmanager
def run_worker(application: Application, *, role: str, is_sole_process: bool) -> Iterator[None]:
    """Process deliveries until the end of the block; running calls finish, claimed deliveries are released.

    Args:
        application: the composed application.
        role: `run` or `worker`.
        is_sole_process: no other process can be running: reclaim all running deliveries at the start.

    Raises:
        ConfigError: another process uses the same database file.
    """
    from nps_connect.app.lifespan import worker_lifespan
    from nps_connect.ledger.process_lock import single_process_lock

    with single_process_lock(application.ctx.ledger):
        with worker_lifespan(application, role=role, is_sole_process=is_sole_process) as engine:
            yield
        if engine.is_running:
            click.echo("Some calls did not finish in time; their outcome is resolved at the next start.", err=True)


def wait_for_stop(application: Application, stop_event: threading.Event, *threads: threading.Thread) -> None:
    """Wait until SIGTERM or Ctrl+C sets the event.

    Raises:
        ConfigError: the database file was deleted or replaced.
        NpsConnectError: one of the threads stopped unexpectedly.
    """
    while not stop_event.wait(POLL_INTERVAL_SECONDS):
        application.ctx.ledger.require_same_file()
        stopped = [thread.name for thread in threads if not thread.is_alive()]
        if stopped:
            raise NpsConnectError(f"thread {stopped[0]} stopped unexpectedly; see the log")


@contextmanager
def start_application(options: Options) -> Iterator[tuple[Application, threading.Event]]:
    """Open the application of a long-running command and start logging; yields it with the stop event.

    SIGTERM and Ctrl+C are handled before anything else starts, so that an early signal shuts down gracefully too.

    Raises:
        ConfigError: the configuration is invalid, or the database schema is not current.
    """
    from nps_connect.redaction import Redactor
    from nps_connect.sandbox.stop_signal import stop_event_on_signal

    configure_logging(Redactor([]), debug=options.debug)
    with stop_event_on_signal() as stop_event:
        require_database = partial(wait_for_database, sleep=stop_event.wait)
        with options.open_application(require_database) as application:
            configure_logging(application.ctx.redact, debug=options.debug)
            yield application, stop_event


def wait_for_database(
    ledger: Ledger, *, sleep: Callable[[float], bool], monotonic: Callable[[], float] = time.monotonic
) -> None:
    """Wait until PostgreSQL can be reached, for a minute at most: in a cluster it may start later than this process.

    Args:
        ledger: the database; SQLite is not waited for.
        sleep: waits for a number of seconds; returns True if the process is to stop.
        monotonic: source of elapsed time, in seconds.

    Raises:
        ConfigError: it could not be reached, or its schema is not current.
        click.exceptions.Exit: the process is to stop.
    """
    from nps_connect.ledger.schema import require_current_schema

    deadline, is_logged = monotonic() + DATABASE_WAIT_SECONDS, False
    while not ledger.is_sqlite:
        try:
            ledger.ping()
            break
        except ConfigError as error:
            if monotonic() >= deadline:
                raise
            if not is_logged:
                log.warning('database_awaited seconds=%d reason="%s"', DATABASE_WAIT_SECONDS, error.problem)
            is_logged = True
        if sleep(DATABASE_RETRY_SECONDS):
            raise click.exceptions.Exit(0)
    require_current_schema(ledger)


def print_ready(application: Application, name: str, *, as_json: bool, is_listening: bool) -> None:
    """Print one line on standard output: the process is up, and where it listens."""
    core = application.ctx.settings.core
    url = f"http://{core.listen}" if is_listening else None
    if as_json:
        click.echo(json.dumps({"running": name, "url": url, "public_url": core.url, "mode": core.mode}))
        return
    where = f" on {url} (public URL: {core.url})" if url else ""
    shadow = ", in shadow mode: nothing is sent" if core.mode == "shadow" else ""
    click.echo(f"{name} is up{where}{shadow}. Press Ctrl+C to stop.")


def require_postgres(application: Application, command: str) -> None:
    """Refuse to run web server and worker as separate processes on SQLite.

    Raises:
        ConfigError: the database is SQLite; names the command to use instead.
    """
    if application.ctx.ledger.is_sqlite:
        raise ConfigError(
            f"{command} requires PostgreSQL: with SQLite one process is both web server and worker",
            key="core.database_url",
            fix="run: nps-connect run",
        )
