"""A transport to the twin's own web application: a synchronous client, no sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import httpx

CLIENT = ("203.0.113.7", 50000)

AsgiApp = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


class AsgiTransport(httpx.BaseTransport):
    """Runs each request in the application, on an event loop of its own. A context manager.

    Args:
        app: the ASGI application.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._runner.close()

    def run(self, task: Callable[[], Awaitable[object]]) -> None:
        """Run a task of the application, such as its shutdown."""

        async def run_task() -> None:
            await task()

        self._runner.run(run_task())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the application's response to one request."""
        body, messages = request.read(), list[dict[str, Any]]()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)

        async def call() -> None:
            await self._app(_scope(request), receive, send)

        self._runner.run(call())
        start = messages[0]
        content = b"".join(message.get("body", b"") for message in messages[1:])
        return httpx.Response(start["status"], headers=list(start["headers"]), content=content, request=request)


def _scope(request: httpx.Request) -> dict[str, Any]:
    url = request.url
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": url.raw_path.partition(b"?")[0],
        "query_string": url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": CLIENT,
        "server": (url.host, url.port or 443),
    }
