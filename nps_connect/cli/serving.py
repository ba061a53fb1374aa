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

from nps_connect.cli.logs import start_log
from nps_connect.cli.options import Options
from nps_connect.errors import ConfigError, NpsConnectError

if TYPE_CHECKING:
    from nps_connect.wiring.application import Application

GRACE = 10
"""Seconds that open requests get when the process is told to end."""

WATCH = 0.5


@contextmanager
def web(application: Application) -> Iterator[threading.Thread]:
    """Serve the pages and the webhook intake until the end of the block.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    import uvicorn

    from nps_connect.web.app import create_app
    from nps_connect.wiring.doors import ApplicationDoors
    from nps_connect.worker.garbage import seldom_collected

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
        create_app(ApplicationDoors(application.ctx), clock=application.ctx.clock),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="web", daemon=True)
    thread.start()
    try:
        with seldom_collected():
            yield thread
    finally:
        server.should_exit = True
        thread.join(GRACE + 5)
        listening.close()


@contextmanager
def work(application: Application, *, role: str, alone: bool) -> Iterator[None]:
    """Carry out deliveries until the end of the block; running calls finish, the rest is given back.

    Args:
        application: the joined parts.
        role: `run` or `worker`.
        alone: no other process can be working: everything that was running is taken back at once.

    Raises:
        ConfigError: another process works on the same file.
    """
    from nps_connect.wiring.locking import sole_worker
    from nps_connect.wiring.working import at_work

    with sole_worker(application.ctx.ledger):
        with at_work(application, role=role, alone=alone) as engine:
            yield
        if engine.working:
            click.echo("Some calls did not end in time; they are looked for after the next start.", err=True)


def wait_for(told: threading.Event, *threads: threading.Thread) -> None:
    """Wait for SIGTERM or Ctrl+C, which set the event.

    Raises:
        NpsConnectError: one of the threads ended by itself.
    """
    while not told.wait(WATCH):
        ended = [thread.name for thread in threads if not thread.is_alive()]
        if ended:
            raise NpsConnectError(f"{ended[0]} ended by itself; the log says why")


@contextmanager
def joined(options: Options) -> Iterator[tuple[Application, threading.Event]]:
    """The application of a long-running command, its log started; and an event that SIGTERM or Ctrl+C sets.

    They are listened to before anything else starts, so that one that comes too early ends it in good order too.

    Raises:
        ConfigError: a mistake in the configuration, or a database that cannot be used as it is.
    """
    from nps_connect.sandbox.signals import until_told_to_stop

    with until_told_to_stop() as told, options.application() as application:
        start_log(application.ctx.redact, debug=options.debug)
        yield application, told


def announce(application: Application, what: str, *, as_json: bool, listening: bool) -> None:
    """Say on standard output, in one line, that the process is up."""
    core = application.ctx.settings.core
    url = f"http://{core.listen}" if listening else None
    if as_json:
        click.echo(json.dumps({"running": what, "url": url, "public_url": core.url, "mode": core.mode}))
        return
    where = f" on {url}, reached as {core.url}" if url else ""
    shadow = "; mode is shadow: nothing is sent" if core.mode == "shadow" else ""
    click.echo(f"{what} is up{where}{shadow}. Stop it with Ctrl+C.")


def need_postgres(application: Application, command: str) -> None:
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
