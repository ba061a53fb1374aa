"""A minimal ASGI client without network and client library, for tests with thousands of requests."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit


class AsgiClient:
    """Sends requests to an ASGI application.

    Args:
        app: the application.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def status(self, method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> int:
        """Send a request and return the status of the response."""
        parts = urlsplit(url)
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": parts.scheme,
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [
                (b"host", parts.netloc.encode()),
                (b"user-agent", b"scanner"),
                (b"content-type", b"application/x-www-form-urlencoded"),
                *((name.encode(), value.encode()) for name, value in (headers or {}).items()),
            ],
            "client": ("203.0.113.77", 50000),
            "server": (parts.netloc, 443),
        }
        await self._app(scope, receive, send)
        return int(sent[0]["status"])
