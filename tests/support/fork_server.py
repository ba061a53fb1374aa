"""A process that has imported the product already and gives spawn to others by fork: real processes, without the wait.

Run as a program. Each line on standard input is one order as JSON, each line on standard output its answer:

- ``{"spawn": [argument, ...], "environ": {...}, "log": "file"}``: a process that runs ``nps-connect`` with these
  arguments; the answer is its id;
- ``{"reap": id}``: the exit code of a child that has ended (negative: the signal), null of one that has not.

It has one thread and has opened nothing, so a child has nothing of it but imported modules. All children die with it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

PRELOADED_MODULES = (
    "nps_connect.cli.connections.check",
    "nps_connect.cli.deliveries.list",
    "nps_connect.cli.run",
    "nps_connect.cli.serve",
    "nps_connect.cli._support.process",
    "nps_connect.cli.worker",
    "nps_connect.rules.filter_conditions",
    "nps_connect.web.app",
    "nps_connect.app.web_backend",
    "nps_connect.app.process_lock",
    "nps_connect.app.lifespan",
    "nps_connect.worker.procrastinate_notifier",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
)


def main() -> None:
    """Serve orders until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _preload_modules()
    children: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "spawn" in order:
            child = os.fork()
            if child == 0:
                return _run_child(order)
            children.add(child)
            answer: int | None = child
        else:
            answer = _reap(order["reap"])
            if answer is not None:
                children.discard(order["reap"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for child in children:
        os.kill(child, signal.SIGKILL)
    return None


def _preload_modules() -> None:
    for name in PRELOADED_MODULES:
        importlib.import_module(name)
    from nps_connect.plugins import Plugins

    Plugins.load()
    gc.collect()
    gc.freeze()


def _run_child(order: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    log = os.open(Path(order["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, standard in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(ours, standard)
    os.close(nothing)
    os.close(log)
    os.environ.clear()
    os.environ.update(order["environ"])
    from nps_connect.cli import main as program

    program(order["spawn"], prog_name="nps-connect")


def _reap(child: int) -> int | None:
    found, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


if __name__ == "__main__":
    main()
