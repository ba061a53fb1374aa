"""`WebRequest`: a small reader of HTTP requests, shared by the routes that bypass FastAPI."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope

BODY_TIMEOUT_SECONDS = 30.0
_BODY_ERROR_CODES = {400: "unreadable", 408: "too_slow", 413: "too_large"}


class UnreadableBody(Exception):
    """The body could not be read completely.

    Attributes:
        status: the HTTP status of the response: 408 too slow, 413 too large, 400 connection lost.
        code: the error code of a JSON response.
    """

    def __init__(self, status: int) -> None:
        self.status = status
        self.code = _BODY_ERROR_CODES[status]
        super().__init__(f"body not read ({status})")


class WebRequest:
    """One HTTP request. Nothing is decoded before it is asked for.

    Attributes:
        scope: its ASGI scope.
        method: upper case.

    Args:
        scope: the ASGI scope.
        receive: returns the parts of the body.
    """

    __slots__ = ("_receive", "method", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self._receive = receive

    def header(self, name: str) -> str | None:
        """Return the first value of a header, by its name in lower case; None if it is absent."""
        encoded = name.encode("latin-1")
        for header_name, value in self.scope["headers"]:
            if header_name == encoded:
                return str(value, "latin-1")
        return None

    def joined_headers(self) -> dict[str, str]:
        """Return all headers by their name in lower case; the values of a repeated one are joined with a comma."""
        headers: dict[str, str] = {}
        for raw_name, raw_value in self.scope["headers"]:
            name, value = str(raw_name, "latin-1"), str(raw_value, "latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return headers

    @property
    def client_address(self) -> str | None:
        """The IP address of the client, or of the proxy in front of it if that is not trusted."""
        client = self.scope.get("client")
        return client[0] if client else None

    @property
    def target(self) -> str:
        """Path and query as sent, percent-encoding unchanged."""
        path = self.scope.get("raw_path") or self.scope["path"].encode()
        query = self.scope["query_string"]
        return str(path + (b"?" + query if query else b""), "latin-1")

    async def read_body(self, limit: int) -> bytes:
        """Return the whole body.

        A ``Content-Length`` over the limit is refused before anything is read; otherwise the received bytes are
        counted. Call once.

        Args:
            limit: in bytes.

        Raises:
            UnreadableBody: the body exceeds the limit, takes more than 30 s, or the client disconnects.
        """
        content_length = self.header("content-length") or ""
        if content_length.isascii() and content_length.isdigit() and int(content_length[:20]) > limit:
            raise UnreadableBody(413)
        try:
            async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
                return await self._receive_body(limit)
        except TimeoutError as error:
            raise UnreadableBody(408) from error

    async def _receive_body(self, limit: int) -> bytes:
        parts: list[bytes] = []
        size, is_complete = 0, False
        while not is_complete:
            message = await self._receive()
            if message["type"] != "http.request":
                raise UnreadableBody(400)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise UnreadableBody(413)
            is_complete = not message.get("more_body", False)
        return b"".join(parts)
