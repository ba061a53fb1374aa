"""`make fuzz`: sends a hundred thousand generated requests to a real server process and writes docs/fuzz.md.

The server, the ledger (SQLite) and the routes are the product's; the vendors' plugins are those of the tests. Each
request goes over a raw socket on loopback. No response may have a status of 500 or more, no line of the log may begin
a traceback, and the server must work as before at the end.
"""

from __future__ import annotations

import logging
import multiprocessing
import re
import socket
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from threading import Lock

from support.application import ApplicationHarness
from support.clock import ManualClock
from support.request_generator import FuzzRequest, RequestGenerator
from support.sqlite_files import create_empty_database

from nps_connect.ledger.audit_log import Actor
from nps_connect.ledger.ledger import Ledger
from nps_connect.records.api_scopes import API_SCOPES
from nps_connect.services.api_keys.keys import add_key
from nps_connect.services.links import TestLink
from nps_connect.web.app import create_app
from nps_connect.web.server import build_server

REPORT = Path(__file__).parent.parent.parent / "docs" / "fuzz.md"
SEED = 20261117
COUNT = 100_000
MAX_SECONDS = 14 * 60
CLIENTS = 24
COMPLETE_KINDS = {"page", "form", "webhook", "bounce report", "api"}
WAIT_SECONDS = 0.25
"""How long a client waits for a response to something that may not be a whole request."""

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class FuzzResult:
    """What the requests led to.

    Attributes:
        sent: number of requests; a pipeline counts as one.
        statuses: number of responses by kind of request and status; ``none`` for a request without a response.
        server_errors: the requests with a status of 500 or more, as they were sent.
        tracebacks: number of tracebacks in the server's log.
        log_lines: number of lines in the server's log about faults of clients.
        is_alive: the server serves pages and webhooks at the end.
        seconds: how long it took.
    """

    sent: int = 0
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    server_errors: list[bytes] = field(default_factory=list)
    tracebacks: int = 0
    log_lines: int = 0
    is_alive: bool = False
    seconds: float = 0.0


def fuzz(folder: Path, *, count: int, seed: int = SEED) -> FuzzResult:
    """Send requests to a new server, for `MAX_SECONDS` at most, and return what they led to.

    Args:
        folder: an empty folder for the database and the log.
        count: number of requests.
        seed: of the random choices.
    """
    result, started_at = FuzzResult(), time.monotonic()
    with _run_server(folder) as (port, tokens, api_key):
        generator, lock = RequestGenerator(seed, tokens, api_key), Lock()
        _send(port, next(_probes(tokens)))  # returns when the server is up

        def send_next(_number: int) -> None:
            if time.monotonic() - started_at > MAX_SECONDS:
                return
            with lock:
                request = generator.next()
            statuses = _send(port, request)
            with lock:
                result.sent += 1
                result.statuses.update((request.kind, status) for status in statuses or ["none"])
                if any(status >= "500" for status in statuses):
                    result.server_errors.append(request.content)

        with ThreadPoolExecutor(CLIENTS) as pool:
            for _ in pool.map(send_next, range(count)):
                pass
        result.is_alive = all(_send(port, probe) == ["200"] for probe in _probes(tokens))
    log = (folder / "server.log").read_text(encoding="utf-8")
    result.tracebacks, result.log_lines = log.count("Traceback"), log.count("client_fault")
    result.seconds = time.monotonic() - started_at
    return result


def _send(port: int, request: FuzzRequest) -> list[str]:
    """Send one request on a connection of its own; return the statuses of the responses."""
    received = b""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)  # leaves no waiting port
        try:
            connection.sendall(request.content)
            connection.settimeout(30 if request.kind in COMPLETE_KINDS else WAIT_SECONDS)
            while len(_STATUS.findall(received)) < request.responses and (part := connection.recv(65536)):
                received += part
        except (TimeoutError, ConnectionError):
            pass
    return [status.decode() for status in _STATUS.findall(received)]


def _probes(tokens: dict[str, list[str]]) -> Iterator[FuzzRequest]:
    body = b'[{"id": "d", "person": "1", "at": "2026-11-17T09:00:00+00:00"}]'
    head = f"Host: a\r\nX-Signature: good\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    yield FuzzRequest("page", f"GET /s/{tokens['s'][0]} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    yield FuzzRequest("page", b"POST /hooks/crm HTTP/1.1\r\n" + head + body)
    yield FuzzRequest("page", b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")


@contextmanager
def _run_server(folder: Path) -> Iterator[tuple[int, dict[str, list[str]], str]]:
    """Run a server process; yields its port, valid tokens by the letter of their path, and a key of the API."""
    database = create_empty_database(folder / "ledger.db")
    clock, tokens = ManualClock(), {"hooks": ["crm", "crm", "helpdesk"]}
    with closing(Ledger(f"sqlite:///{database}")) as ledger:
        application = ApplicationHarness(ledger, clock)
        addresses = [f"person{number}@example.com" for number in range(20)]
        tokens["s"] = [application.surveyed(address, address) for address in addresses]
        tokens["u"] = [application.token(address, "u") for address in addresses]
        tokens["r"] = [application.review_token(application.answer(token, 10)) for token in tokens["s"][:5]]
        links = application.ctx.links
        tokens["s"].append(links.test(TestLink("after-purchase", "fr")))
        tokens["b"] = [links.bounces("mail"), links.bounces("crm")]
        with ledger.write() as session:
            actor, scopes = Actor("cli", "ops"), set(API_SCOPES)
            api_key = add_key(session, name="fuzz", scopes=scopes, expires_at=None, actor=actor, now=clock())
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(listener, database, clock(), folder / "server.log"), daemon=True
    )
    process.start()
    try:
        yield listener.getsockname()[1], tokens, api_key
    finally:
        process.terminate()
        process.join(30)
        listener.close()


def _serve(listener: socket.socket, database: Path, now: datetime, log: Path) -> None:
    logging.basicConfig(filename=log, level=logging.WARNING, encoding="utf-8")
    change = {"api": {"requests_per_minute": 10_000_000}}
    application = ApplicationHarness(Ledger(f"sqlite:///{database}"), ManualClock(now), change)
    build_server(create_app(application.backend, clock=application.clock)).run(sockets=[listener])


def render_report(result: FuzzResult) -> str:
    """Return the page of the documentation."""
    kinds = sorted({kind for kind, _ in result.statuses})
    rows = [
        f"| {kind} | "
        + ", ".join(f"{status}: {count:,}" for (name, status), count in sorted(result.statuses.items()) if name == kind)
        + " |"
        for kind in kinds
    ]
    return "\n".join(
        [
            "# Fuzz",
            "",
            "`make fuzz` sends generated requests over raw sockets to a server process on loopback, with the product's server, routes and ledger",
            "(SQLite) and the plugins of the tests; the seed is fixed, and the tests send a small part of the same. Requests are valid pages, forms,",
            "webhooks, bounce reports and requests of the API with odd values, broken headers, paths and chunks, pipelines, mutated and truncated requests, and noise. This",
            "page is written by the command.",
            "",
            f"{result.sent:,} requests in {result.seconds:.0f} s, seed {SEED}. Responses with a status of 500 or more:",
            f"{len(result.server_errors)}. Tracebacks in the log: {result.tracebacks}. Log lines about faults of clients: {result.log_lines}. Pages and webhooks work",
            f"afterwards: {'yes' if result.is_alive else 'no'}.",
            "",
            "| requests | responses by status; `none`: the connection was closed, or the request was not complete |",
            "| --- | --- |",
            *rows,
            "",
        ]
    )


def main() -> int:
    """Print the result and write the page; returns 1 if the server failed."""
    with tempfile.TemporaryDirectory() as folder:
        result = fuzz(Path(folder), count=COUNT)
    REPORT.write_text(render_report(result), encoding="utf-8")
    sys.stdout.write(render_report(result))
    for request in islice(result.server_errors, 20):
        sys.stdout.write(f"{request[:500]!r}\n")
    return int(bool(result.server_errors or result.tracebacks or not result.is_alive))


if __name__ == "__main__":
    sys.exit(main())
