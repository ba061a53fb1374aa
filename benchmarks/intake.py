"""(b) Durable acceptance of webhooks against a bare handler of the same web framework, at 1 and at 32 connections."""

from __future__ import annotations

import json
import multiprocessing
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse

from benchmarks._fixtures import application_at, databases
from nps_connect.web.app import create_app
from nps_connect.web.server import build_server

SECONDS = 4.0
BODY = json.dumps([{"id": "1", "person": "1", "at": "2026-11-17T09:00:00+00:00"}]).encode()


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Run the same load on both, one after the other."""
    with databases() as urls:
        for connections in (1, 32):
            bare = FastAPI(openapi_url=None)

            @bare.post("/hooks/crm")
            async def handler(request: Request) -> JSONResponse:
                await request.body()
                return JSONResponse({"status": "accepted"})

            plain, spent = _measure_load(bare, connections)
            details = f"{spent / plain * 1e6:.0f} µs of the server's CPU each"
            yield f"bare FastAPI handler, {connections} connections", plain, SECONDS, details
            for name, url in urls.items():
                with application_at(url) as application:
                    ours, working = _measure_load(create_app(application.backend, clock=application.clock), connections)
                ratio = ours / plain
                goal = f"; goal 0.5 {'reached' if ratio >= 0.5 else 'missed'}" if connections == 32 else ""
                yield (
                    f"{name}: stored before the answer, {connections} connections",
                    ours,
                    SECONDS,
                    f"{ratio:.2f} of bare{goal}; {working / ours * 1e6:.0f} µs of the server's CPU each",
                )


def _measure_load(app: Any, connections: int) -> tuple[int, float]:
    """Return the number of answered requests, and the CPU seconds of the server."""
    with _run_server(app) as port, multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(_send_webhooks, (port, connections, 0.5))
        working = time.process_time()
        answered = int(pool.apply(_send_webhooks, (port, connections, SECONDS)))
        return answered, time.process_time() - working


@contextmanager
def _run_server(app: Any) -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = build_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


def _send_webhooks(port: int, connections: int, seconds: float) -> int:
    """Post over keep-alive connections from another process; returns the number of 200 responses."""
    head = "POST /hooks/crm HTTP/1.1\r\nHost: x\r\nX-Signature: good\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(BODY)}\r\n\r\n"
    request = head.encode() + BODY
    counts: list[int] = []

    def one() -> None:
        done = 0
        with socket.create_connection(("127.0.0.1", port)) as line:
            while time.monotonic() < end:
                line.sendall(request)
                answer = b""
                while b"}" not in answer:
                    answer += line.recv(4096)
                done += answer.startswith(b"HTTP/1.1 200")
        counts.append(done)

    end = time.monotonic() + seconds
    threads = [threading.Thread(target=one) for _ in range(connections)]
    _for_each(threads, threading.Thread.start)
    _for_each(threads, threading.Thread.join)
    return sum(counts)


def _for_each(threads: list[threading.Thread], act: Callable[[threading.Thread], None]) -> None:
    for thread in threads:
        act(thread)
