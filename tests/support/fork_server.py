"""A process that has imported the product and forks product processes from itself, which saves the import time.

Run as a program. Each line on standard input is one request as JSON, each line on standard output its reply:

- ``{"spawn": [argument, ...], "environ": {...}, "log": "file"}`` starts a process that runs ``nps-connect`` with these
  arguments; the reply is its process id;
- ``{"reap": id}`` returns the exit code of a child (negative: the signal), or null while it is running.

It has one thread and no open files or connections, so children inherit only imported modules. It kills all children
when it ends.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

PRELOADED_MODULES = (
    "babel.dates",
    "jinja2.ext",
    "nps_connect.cli.connections.check",
    "nps_connect.cli.deliveries.list",
    "nps_connect.cli.run",
    "nps_connect.cli.serve",
    "nps_connect.cli._support.process",
    "nps_connect.cli.worker",
    "nps_connect.rules.filter_conditions",
    "nps_connect.web.app",
    "nps_connect.app.web_backend",
    "nps_connect.ledger.process_lock",
    "nps_connect.app.lifespan",
    "nps_connect.worker.procrastinate_notifier",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite",
    "uvicorn.lifespan.on",
    "nps_connect.web.server",
    "uvicorn.loops.auto",
    "uvloop",
)


def main() -> None:
    """Serve requests until standard input ends."""
    if "FAKETIME_CACHE_DURATION" in os.environ:
        _sleep_without_clock_nanosleep()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _preload_modules()
    children: set[int] = set()
    for line in sys.stdin:
        request = json.loads(line)
        if "spawn" in request:
            child = os.fork()
            if child == 0:
                return _run_child(request)
            children.add(child)
            reply: int | None = child
        else:
            reply = _reap(request["reap"])
            if reply is not None:
                children.discard(request["reap"])
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()
    for child in children:
        os.kill(child, signal.SIGKILL)
    return None


def _sleep_without_clock_nanosleep() -> None:
    """Replace `time.sleep`, which libfaketime breaks: when the clock is set it returns at once or raises EINVAL."""

    def sleep(seconds: float) -> None:
        threading.Event().wait(seconds)

    time.sleep = sleep


def _preload_modules() -> None:
    for name in PRELOADED_MODULES:
        importlib.import_module(name)
    from nps_connect.app.actions import ACTIONS
    from nps_connect.plugins import Plugins

    Plugins.load()
    for spec in ACTIONS.values():
        _ = spec.handler
    gc.collect()
    gc.freeze()


def _run_child(request: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    log = os.open(Path(request["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(null)
    os.close(log)
    os.environ.clear()
    os.environ.update(request["environ"])
    from nps_connect.cli import main as nps_connect_main

    nps_connect_main(request["spawn"], prog_name="nps-connect")


def _reap(child: int) -> int | None:
    ended, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


if __name__ == "__main__":
    main()
