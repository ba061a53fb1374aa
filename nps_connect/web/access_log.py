"""Outermost middleware: one log line per request without its token, and a response to every unhandled error."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nps_connect.web.web_request import WebRequest

logger = logging.getLogger("nps_connect.web")
HEALTH_PATHS = {"/healthz", "/readyz"}


class AccessLog:
    """Logs method, route template, status and milliseconds of each request, and of the API its id and the key's name.

    The template ``/s/{token}`` is logged instead of the path: a token would let a reader of the log respond for a
    customer. The server's own access log must be off.

    Args:
        app: the wrapped application.
        error_response: builds the response to a request that raised.
    """

    def __init__(self, app: ASGIApp, *, error_response: Callable[[WebRequest], Response]) -> None:
        self._app = app
        self._error_response = error_response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_at = time.perf_counter()
        status = 0

        async def send_and_record_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_record_status)
        except Exception:
            fields = scope.get("log_fields", "")
            logger.exception("request_failed method=%s route=%s%s", scope["method"], route_template(scope), fields)
            if status:
                raise
            response = self._error_response(WebRequest(scope, receive))
            await response(scope, receive, send_and_record_status)
        finally:
            route = route_template(scope)
            level = logging.DEBUG if route in HEALTH_PATHS else logging.INFO
            duration_ms = 1000 * (time.perf_counter() - started_at)
            logger.log(
                level,
                "request method=%s route=%s status=%d duration_ms=%.1f%s",
                scope["method"],
                route,
                status,
                duration_ms,
                scope.get("log_fields", ""),
            )


def route_template(scope: Scope) -> str:
    """Return the template of the matched route, such as ``/s/{token}``; a dash if none matched."""
    return str(getattr(scope.get("route"), "path", "-"))
