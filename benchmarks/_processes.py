"""The product in real processes with a configuration, and a vendor that accepts scores over HTTP."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self

import psutil

SIGNING_KEY = "a-signing-key-for-a-benchmark-only"
CONFIGURATION = """
[core]
public_url = "http://127.0.0.1:{port}"
listen = "127.0.0.1:{port}"
database_url = {{ env = "BENCH_DATABASE" }}
company = "Exemple SA"
languages = ["en"]
timezone = "Europe/Paris"
signing_keys = [{{ env = "BENCH_SIGNING_KEY" }}]
fallback_email = "care@example.com"
privacy_notice_url = "https://www.example.com/privacy"
mode = "live"

[connections.crm]
plugin = "hubspot"
base_url = "{vendor}"
access_token = {{ env = "BENCH_TOKEN" }}
events = "none"
calls_per_ten_seconds = 190

[connections.mail]
plugin = "email"
smtp_url = {{ env = "BENCH_SMTP" }}
sender = "Exemple SA <care@example.com>"
reply_to = "care@example.com"

[surveys.after-purchase]
channel = "mail"

[[routes]]
on = "any"
do = "write_score"
via = "crm"
"""
PROGRAM = (sys.executable, "-c", "from nps_connect.cli import main; main()")
SECRETS = {
    "BENCH_SIGNING_KEY": SIGNING_KEY,
    "BENCH_TOKEN": "a-token",
    "BENCH_SMTP": "smtp://127.0.0.1:9",
    "BENCH_ALERT": "json://127.0.0.1:9/nps",
}


class ScoreVendor:
    """Accepts every batch of scores; records the time and number of contacts of each. A context manager."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, int]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        calls = self.calls

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                at = time.monotonic()
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path.endswith("/update"):
                    calls.append((at, len(request["inputs"])))
                results = [{"id": process["id"], "properties": {}} for process in request.get("inputs", ())]
                body = json.dumps({"status": "COMPLETE", "results": results}).encode()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                self.wfile.write(head.encode() + body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


class RunTimes(NamedTuple):
    """Time that a program took, in seconds.

    Attributes:
        cpu: user and system time.
        wall: from start to end.
    """

    cpu: float
    wall: float


def write_configuration(folder: Path, vendor: str) -> tuple[Path, int]:
    """Write a configuration; returns its path and the port of its pages."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    path = folder / "nps-connect.toml"
    path.write_text(CONFIGURATION.format(port=port, vendor=vendor))
    return path, port


@contextmanager
def run_processes(config: Path, database: str, *commands: str) -> Iterator[list[psutil.Process]]:
    """Start processes of the product, and shut them down gracefully."""
    if database.startswith("sqlite"):
        _accept_database(config, database)
    started = [_start(config, database, command) for command in commands]
    try:
        yield [psutil.Process(process.pid) for process in started]
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


def _accept_database(config: Path, database: str) -> None:
    """Say that the database, which no command has created, is the newest: nothing would be sent from another one."""
    subprocess.run(
        [*PROGRAM, "--config", str(config), "resume", "database", "--yes"],
        env={**os.environ, **SECRETS, "BENCH_DATABASE": database},
        stdout=subprocess.DEVNULL,
        cwd=config.parent,
        check=True,
    )


def _start(config: Path, database: str, command: str) -> subprocess.Popen[str]:
    program = [*PROGRAM, "--config", str(config), command]
    log = (config.parent / f"{command}.log").open("w")
    process = subprocess.Popen(
        program,
        env={**os.environ, **SECRETS, "BENCH_DATABASE": database},
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        cwd=config.parent,
    )
    line = process.stdout.readline() if process.stdout else ""
    if " is up" not in line:
        process.kill()
        raise RuntimeError(f"{command} did not start: {line}{(config.parent / f'{command}.log').read_text()[-2000:]}")
    threading.Thread(target=lambda: process.stdout.read() if process.stdout else "", daemon=True).start()
    return process


def run_program(program: tuple[str, ...], folder: Path, *, allowed: Collection[int] = (0,)) -> RunTimes:
    """Run a program to its end. It uses compiled modules, as an installed product does; they are kept in `folder`.

    Args:
        program: with its arguments; a configuration names the folder of its database.
        folder: a temporary folder.
        allowed: exit codes of success.

    Raises:
        RuntimeError: it failed.
    """
    place = Path(program[program.index("--config") + 1]).parent if "--config" in program else folder
    environment = {**os.environ, **SECRETS, "BENCH_DATABASE": f"sqlite:///{place}/ledger.db"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(program, check=False, capture_output=True, text=True, env=environment, cwd=place)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in allowed:
        raise RuntimeError(f"{' '.join(program)}: {done.stdout[-500:]}{done.stderr[-2000:]}")
    return RunTimes(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)
