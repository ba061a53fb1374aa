"""The same requests to several servers, each in a process of its own, in alternating turns of a second.

So the load of the machine cancels out of the ratios. The CPU time per request of a server's process is reported too; it
hardly depends on other load. Every server is that of `run`: uvicorn with httptools, on uvloop where it exists.
"""

from __future__ import annotations

import multiprocessing
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any, NamedTuple

import psutil

from nps_connect.web.server import build_server
from nps_connect.worker.gc_tuning import reduced_gc

ROUNDS = 4
SECONDS = 1.0

BuildRequest = Callable[[int], bytes]
"""Returns the request of a number; a server receives each number once."""

BuildApp = Callable[[str], Any]
"""Builds the application on a ledger, in the process of its server."""


class Competitor(NamedTuple):
    """A server under load.

    Attributes:
        name: in the rows.
        process: of the server.
        port: of the server.
        build_request: of what it is asked.
        goal: the part of its rate that the product reaches by design; None if there is no such goal.
    """

    name: str
    process: Any
    port: int
    build_request: BuildRequest
    goal: float | None = None


@contextmanager
def run_server(build_app: BuildApp, url: str) -> Iterator[tuple[Any, int]]:
    """Run a server in a process of its own; yields the process and the port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as `run` does
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(build_app, url, listener), daemon=True)
    process.start()
    try:
        yield process, int(listener.getsockname()[1])
    finally:
        process.terminate()
        process.join()
        listener.close()


def compare(
    what: str, competitors: Sequence[Competitor], callers: int, begin: int = 0
) -> Iterator[tuple[str, int, float, str]]:
    """Send requests to each in turns; yields a row for each. The last one is the product: its row holds the ratios.

    Args:
        what: is asked, for the rows.
        competitors: the servers.
        callers: connections that send one request after the other.
        begin: number of the first request.
    """
    begun = [begin] * len(competitors)
    answered, spent = [0] * len(competitors), [0.0] * len(competitors)
    ratios: list[list[float]] = [[] for _ in competitors]
    for turn in range(ROUNDS + 1):
        rates = []
        for which, competitor in enumerate(competitors):
            count, cpu_seconds = _send_requests(competitor, begun[which], callers)
            begun[which] += count + callers
            rates.append(count)
            if turn:  # the first turn warms up
                answered[which] += count
                spent[which] += cpu_seconds
        for which, rate in enumerate(rates) if turn else ():
            ratios[which].append(rates[-1] / rate)
    remarks = []
    for which, competitor in enumerate(competitors):
        cpu = f"{spent[which] / answered[which] * 1e6:,.0f} µs of the server's CPU each"
        if which < len(competitors) - 1:
            yield f"{what}: {competitor.name}", answered[which], ROUNDS * SECONDS, cpu
            ratio, goal = median(ratios[which]), competitor.goal
            verdict = f" (goal {goal:.2f} {'reached' if ratio >= goal else 'missed'})" if goal else ""
            remarks.append(f"{ratio:.2f} of {competitor.name}{verdict}")
    remarks.append(cpu)
    yield f"{what}: {competitors[-1].name}", answered[-1], ROUNDS * SECONDS, "; ".join(remarks)


def _serve(build_app: BuildApp, url: str, listener: socket.socket) -> None:
    with reduced_gc():  # as `run` and `serve` do
        build_server(build_app(url)).run(sockets=[listener])


def _send_requests(competitor: Competitor, begin: int, callers: int) -> tuple[int, float]:
    """Send requests over several connections for a second; returns the responses and the CPU seconds of the server."""
    process = psutil.Process(competitor.process.pid)
    number, answered = begin, 0
    with selectors.DefaultSelector() as selector:
        for _ in range(callers):
            selector.register(socket.create_connection(("127.0.0.1", competitor.port)), selectors.EVENT_READ)
        before, until = process.cpu_times(), time.perf_counter() + SECONDS
        waiting = set()
        for key in list(selector.get_map().values()):
            key.fileobj.sendall(competitor.build_request(number))  # type: ignore[union-attr]
            number += 1
            waiting.add(key.fileobj)
        while waiting:
            for key, _ in selector.select():
                caller: Any = key.fileobj
                _receive_response(caller)
                answered += 1
                waiting.discard(caller)
                if time.perf_counter() < until:
                    caller.sendall(competitor.build_request(number))
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
    if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 202", b"HTTP/1.1 303")):
        raise RuntimeError(f"answered with {head.splitlines()[0]!r}")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    size = len(body)
    while size < length:
        size += len(caller.recv(65536))
