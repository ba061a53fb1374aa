"""Shared by ``run``, ``serve`` and ``worker``: web server thread, worker, graceful shutdown and reload."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import click

from nps_connect.cli._support.database_wait import wait_for_database
from nps_connect.cli._support.logging_setup import configure_logging
from nps_connect.cli._support.options import Options
from nps_connect.errors import ConfigError, NpsConnectError

if TYPE_CHECKING:
    from nps_connect.app.application import Application
    from nps_connect.web.app import WebApplication

log = logging.getLogger(__name__)

POLL_INTERVAL_SECONDS = 0.5


def run_until_stopped(options: Options, *, role: Literal["run", "serve", "worker"], name: str, as_json: bool) -> None:
    """Run the web server, the worker or both until SIGTERM or Ctrl+C; SIGHUP reloads the configuration.

    At the end and at a reload, running calls finish and claimed deliveries are released. An invalid configuration
    leaves the old one in force.

    Args:
        options: the command's.
        role: what to run; `run` is both.
        name: of what runs, for people.
        as_json: print the ready line as JSON.

    Raises:
        ConfigError: the configuration is invalid, the database cannot be used, or the address is taken.
        NpsConnectError: the web server stopped unexpectedly.
    """
    from nps_connect.ledger.process_lock import single_process_lock
    from nps_connect.settings.effective import fingerprint

    with start_application(options) as process, ExitStack() as stack:
        if role != "run":
            require_postgres(process.application, role)
        if role != "serve":
            stack.enter_context(single_process_lock(process.application.ctx.ledger))
        if role != "worker":
            process.web_server = stack.enter_context(run_web_server(process.application))
        is_first, is_reloaded = True, True
        while is_reloaded:
            with _lifespan(process.application, role, is_first=is_first):
                if is_first:
                    print_ready(process.application, name, as_json=as_json, is_listening=role != "worker")
                else:
                    log.info("configuration_reloaded fingerprint=%s", fingerprint(process.application.ctx.settings))
                is_reloaded = wait_for_change(process)
            is_first = False
            process.close_former()


@contextmanager
def _lifespan(application: Application, role: str, *, is_first: bool) -> Iterator[None]:
    """Run what a role runs in the background until the end of the block."""
    from nps_connect.app.lifespan import web_lifespan, worker_lifespan

    if role == "serve":
        with web_lifespan(application):
            yield
        return
    is_sole_process = is_first and application.ctx.ledger.is_sqlite
    with worker_lifespan(application, role=role, is_sole_process=is_sole_process) as engine:
        yield
    if engine.is_running:
        click.echo("Some calls did not finish in time; their outcome is resolved later.", err=True)


@dataclass
class RunningProcess:
    """A long-running command.

    Attributes:
        options: the command's.
        application: with the configuration in force.
        stop_event: set by SIGTERM and Ctrl+C.
        reload_event: set by SIGHUP.
        web_server: None in a worker.
        former: the application before the last reload, until its calls have finished.
    """

    options: Options
    application: Application
    stop_event: threading.Event
    reload_event: threading.Event
    web_server: WebServer | None = None
    former: Application | None = None

    def reload(self) -> bool:
        """Put the configuration of the file into force; returns False, with a log entry, if it is invalid."""
        from nps_connect.app.application import reload_application

        try:
            application = reload_application(self.application, self.options.path, os.environ)
        except NpsConnectError as error:
            for mistake in str(error.sentence() if isinstance(error, ConfigError) else error).splitlines():
                log.error('configuration_not_reloaded finding=configuration-invalid mistake="%s"', mistake.strip())
            return False
        except Exception as error:  # noqa: BLE001  # a plugin's model may raise anything, and the process must go on
            reason = f"it cannot be read ({type(error).__name__}); see: nps-connect config check"
            log.error('configuration_not_reloaded finding=configuration-invalid mistake="%s"', reason)
            return False
        self.former, self.application = self.application, application
        if self.web_server is not None:
            self.web_server.use(application)
        return True

    def close_former(self) -> None:
        """Close what only the former configuration used, and hide the new one's secrets in the log."""
        if self.former is not None:
            self.former.close_clients()
            self.former = None
            ctx = self.application.ctx
            configure_logging(ctx.redact, debug=self.options.debug, state_dir=ctx.state_dir)


@dataclass(frozen=True)
class WebServer:
    """The web server of this process.

    Attributes:
        thread: in which it runs.
        app: its ASGI application.
    """

    thread: threading.Thread
    app: WebApplication

    def use(self, application: Application) -> None:
        """Serve new requests with another application; the listening socket stays."""
        from nps_connect.app.web_backend import ApplicationWebBackend
        from nps_connect.web.site import Site

        site = Site(ApplicationWebBackend(application.ctx), application.ctx.clock)
        self.app.replace_site(site)


@contextmanager
def run_web_server(application: Application) -> Iterator[WebServer]:
    """Serve survey pages and webhooks in a thread until the end of the block.

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
            yield WebServer(thread, app)
    finally:
        server.should_exit = True
        thread.join(GRACEFUL_SHUTDOWN_SECONDS + 5)
        listener.close()


def wait_for_change(process: RunningProcess) -> bool:
    """Wait until the process is to stop, or has reloaded its configuration; returns whether it has.

    Raises:
        ConfigError: the database file was deleted or replaced.
        NpsConnectError: the web server stopped unexpectedly.
    """
    while not process.stop_event.wait(POLL_INTERVAL_SECONDS):
        process.application.ctx.ledger.require_same_file()
        if process.web_server is not None and not process.web_server.thread.is_alive():
            raise NpsConnectError("thread web stopped unexpectedly; see the log")
        if process.reload_event.is_set():
            process.reload_event.clear()
            if process.reload():
                return True
    return False


@contextmanager
def start_application(options: Options) -> Iterator[RunningProcess]:
    """Open the application of a long-running command and start logging; closes the one in force at the end.

    Signals are handled before anything else starts, so that an early one shuts down gracefully too.

    Raises:
        ConfigError: the configuration is invalid, or the database schema is not current.
    """
    from nps_connect.redaction import Redactor
    from nps_connect.sandbox.stop_signal import event_on_signals, stop_event_on_signal

    configure_logging(Redactor([]), debug=options.debug)
    with stop_event_on_signal() as stop_event, event_on_signals("SIGHUP") as reload_event:
        require_database = partial(wait_for_database, sleep=stop_event.wait)
        with options.open_application(require_database) as application:
            ctx = application.ctx
            configure_logging(ctx.redact, debug=options.debug, state_dir=ctx.state_dir)
            process = RunningProcess(options, application, stop_event, reload_event)
            try:
                yield process
            finally:
                process.application.close_clients()


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
