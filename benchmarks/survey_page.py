"""The survey page on the real ledger, compared with a bare handler of the same framework: requests per second.

Both run on the same server, each in its own process, with the same callers, in alternating turns of a second, so that
the load of the machine cancels out of the ratio. The CPU time per request of the server's process is reported too; it
hardly depends on other load. Every request is of another customer, who opens the page and then submits, with the
routes of the documentation's example: a submission leads to a score, a review invitation, and for detractors a ticket
and an alert, all durable before the response. The page is faster with many callers, because concurrent submissions
share a transaction.
"""

from __future__ import annotations

import multiprocessing
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from statistics import median
from typing import Any
from urllib.parse import parse_qs

import psutil
from fastapi import FastAPI
from sqlalchemy import insert
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from benchmarks._fixtures import START, ApplicationHarness, ManualClock, databases
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create
from nps_connect.ledger.tables import ContactRow, InvitationRow
from nps_connect.services.links import Links
from nps_connect.worker.gc_tuning import reduced_gc

PEOPLE = 20_000
"""Number of contacts for each number of callers."""

CALLERS = (32, 128)
ROUNDS = 4
SECONDS = 1.0

ServerProcess = tuple[Any, int]
BuildRequest = Callable[[int], bytes]


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Return requests per second on each database, compared with the bare handler."""
    with databases() as addresses:
        for name, url in addresses.items():
            tokens = _insert_invitations(url)
            bare, real = _start_server(_bare_app, url), _start_server(_product_app, url)
            try:
                for turn, callers in enumerate(CALLERS):
                    round_tokens = tokens[turn * PEOPLE :][:PEOPLE]
                    requests = (("GET", _page_view_request(round_tokens)), ("POST", _submission_request(round_tokens)))
                    for what, ask in requests:
                        yield from _compare(f"{what} on {name}, {callers} callers", bare, real, ask, callers)
            finally:
                _stop_server(bare)
                _stop_server(real)


def _compare(
    what: str, bare: ServerProcess, real: ServerProcess, ask: BuildRequest, callers: int
) -> Iterator[tuple[str, int, float, str]]:
    """Send the same requests to both, in turns; the ratio is the median of the turns."""
    begun = [0, 0]
    totals = [[0, 0.0], [0, 0.0]]
    shares, seconds = [], 0.0
    for turn in range(ROUNDS + 1):
        rates = []
        for which, served in enumerate((bare, real)):
            answered, spent = _send_requests(served, ask, begun[which], callers)
            begun[which] += answered + callers
            rates.append(answered)
            if turn:  # the first turn warms up
                totals[which][0] += answered
                totals[which][1] += spent
        if turn:
            shares.append(rates[1] / rates[0])
            seconds += SECONDS
    (plain, plain_cpu), (ours, our_cpu) = totals
    yield f"{what}, bare handler", int(plain), seconds, f"{plain_cpu / plain * 1e6:,.0f} µs of processor"
    share = f"{our_cpu / ours * 1e6:,.0f} µs of processor"
    yield f"{what}, survey page with ledger: {median(shares):.0%} of the bare handler", int(ours), seconds, share


def _insert_invitations(url: str) -> list[str]:
    """Insert sent survey invitations; returns their tokens."""
    ledger = Ledger(url, create=True)
    create(ledger)
    contacts = [
        {
            "id": number,
            "connection": "crm",
            "vendor_id": str(number),
            "email": f"p{number}@example.com",
            "mailbox": f"{number:064x}",
            "record": {"connection": "crm", "id": str(number), "email": f"p{number}@example.com"},
            "opted_out": False,
        }
        for number in range(1, PEOPLE * len(CALLERS) + 1)
    ]
    invitations = [
        {
            "id": number,
            "public_id": f"{number:032x}",
            "survey": "after-purchase",
            "touchpoint": "purchase",
            "trigger": "t",
            "contact_id": number,
            "language": "en",
            "state": "sent",
            "created_at": START,
            "due_at": START,
            "sent_at": START - timedelta(days=1),
            "expires_at": START + timedelta(days=60),
        }
        for number in range(1, PEOPLE * len(CALLERS) + 1)
    ]
    with ledger.write() as session:
        session.connection().execute(insert(ContactRow.__table__), contacts)
        session.connection().execute(insert(InvitationRow.__table__), invitations)
    ledger.close()
    links = Links("http://127.0.0.1", ["a-signing-key-for-tests"])
    return [links.survey(f"{number:032x}") for number in range(1, PEOPLE * len(CALLERS) + 1)]


def _page_view_request(tokens: list[str]) -> BuildRequest:
    return lambda n: (
        f"GET /s/{tokens[n % PEOPLE]}?score={n % 11} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: benchmark\r\n\r\n"
    ).encode()


def _submission_request(tokens: list[str]) -> BuildRequest:
    def ask(n: int) -> bytes:
        form = f"send={n % 11}&lang=en&comment=Thank+you"
        return (
            f"POST /s/{tokens[n % PEOPLE]} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: benchmark\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n{form}"
        ).encode()

    return ask


def _bare_app(_url: str) -> object:
    """Return a bare application: a page of the same size, a form that is read and redirected."""
    app = FastAPI(openapi_url=None)
    page = "x" * 9_000

    @app.get("/s/{token}")
    async def show(token: str) -> Response:
        return HTMLResponse(page.replace("token", token))

    @app.post("/s/{token}")
    async def press(request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        return RedirectResponse(f"./?score={form['send'][0]}", 303)

    return app


def _product_app(url: str) -> object:
    from nps_connect.web.app import create_app

    application = ApplicationHarness(Ledger(url), ManualClock())
    return create_app(application.backend, clock=application.clock)


def _serve(make: Callable[[str], Any], url: str, listener: socket.socket) -> None:
    from nps_connect.web.server import build_server

    with reduced_gc():  # as `run` and `serve` do, for both
        build_server(make(url)).run(sockets=[listener])


def _start_server(make: Callable[[str], object], url: str) -> ServerProcess:
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as `run` does
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(make, url, listener), daemon=True)
    process.start()
    return process, int(listener.getsockname()[1])


def _stop_server(served: ServerProcess) -> None:
    served[0].terminate()
    served[0].join()


def _send_requests(served: ServerProcess, ask: BuildRequest, begin: int, callers: int) -> tuple[int, float]:
    """Send requests over several connections for a second; returns the responses and the CPU seconds of the server."""
    process = psutil.Process(served[0].pid)
    number, answered = begin, 0
    with selectors.DefaultSelector() as selector:
        for _ in range(callers):
            selector.register(socket.create_connection(("127.0.0.1", served[1])), selectors.EVENT_READ)
        before, until = process.cpu_times(), time.perf_counter() + SECONDS
        waiting = set()
        for key in list(selector.get_map().values()):
            key.fileobj.sendall(ask(number))  # type: ignore[union-attr]
            number += 1
            waiting.add(key.fileobj)
        while waiting:
            for key, _ in selector.select():
                caller: Any = key.fileobj
                _receive_response(caller)
                answered += 1
                waiting.discard(caller)
                if time.perf_counter() < until:
                    caller.sendall(ask(number))
                    number += 1
                    waiting.add(caller)
        after = process.cpu_times()
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
    return answered, after.user + after.system - before.user - before.system


def _receive_response(caller: socket.socket) -> None:
    """Read one whole response."""
    received = caller.recv(65536)
    while b"\r\n\r\n" not in received:
        received += caller.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 303")):
        raise RuntimeError(f"answered with {head.splitlines()[0]!r}")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    size = len(body)
    while size < length:
        size += len(caller.recv(65536))
