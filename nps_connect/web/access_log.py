"""The outermost layer: one log line per request without its address, and an answer even when something breaks."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("nps_connect.web")
HEALTH_PATHS = {"/healthz", "/readyz"}


class AccessLog:
    """Logs method, route template, status and milliseconds.

    Personal links hold tokens in their paths: whoever reads the log must not be able to answer for a customer, so the
    template ``/s/{token}`` is logged instead of the path. The server's own access log has to be off.

    Args:
        app: what it surrounds.
        apologise: makes the answer for a request that raised.
    """

    def __init__(self, app: ASGIApp, *, error_response: Callable[[Request], Awaitable[Response]]) -> None:
        self._app = app
        self._error_response = error_response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 0

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        except Exception:
            logger.exception("%s %s failed", scope["method"], route_template(scope))
            if status:
                raise
            response = await self._error_response(Request(scope))
            await response(scope, receive, note)
        finally:
            route = route_template(scope)
            level = logging.DEBUG if route in HEALTH_PATHS else logging.INFO
            spent = 1000 * (time.perf_counter() - begun)
            logger.log(level, "%s %s %d %.1f ms", scope["method"], route, status, spent)


def route_template(scope: Scope) -> str:
    """The template of the route that was found, such as ``/s/{token}``; a dash if there was none."""
    return str(getattr(scope.get("route"), "path", "-"))
