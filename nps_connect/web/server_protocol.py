"""`ServerProtocol`: uvicorn's HTTP protocol with timeouts and limits for clients that do not behave."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, cast

import httptools
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from nps_connect.web.connections import ConnectionLimiter

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 200
MAX_PIPELINED_REQUESTS = 32
"""Requests that wait behind another one on their connection. Browsers and vendors send none."""

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""Of a whole request. Bodies have smaller limits, but chunk extensions and trailers never reach the application."""


class ServerProtocol(HttpToolsProtocol):
    """One connection of a client.

    A head must arrive within `ConnectionLimiter.head_timeout`, also on a connection that has sent nothing yet. A
    request that is not HTTP, or has both ``Content-Length`` and ``Transfer-Encoding``, is refused and the connection
    closed. After a response to a request whose body was not read completely the connection closes: the rest is
    discarded for a moment, because closing with unread data resets the connection and the client never sees the
    response.

    Args:
        args: of uvicorn's protocol.
        limiter: shared by all connections of the server.
        options: of uvicorn's protocol.
    """

    def __init__(self, *args: Any, limiter: ConnectionLimiter, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        self._limiter = limiter
        self._application = self.app
        self.app = self._run_application
        self._deadline: asyncio.TimerHandle | None = None
        self._write_deadline: asyncio.TimerHandle | None = None
        self._is_reading_head = True
        self._is_lingering = False
        self._received_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Admit the connection, or respond 503 and close it."""
        super().connection_made(transport)
        if self._limiter.admit(self):
            self._set_deadline()
        else:
            self._refuse(503)

    def connection_lost(self, exc: Exception | None) -> None:
        """Release timers and the place in the limit."""
        self._limiter.remove(self)
        self._clear_deadline()
        if self._write_deadline is not None:
            self._write_deadline.cancel()
        super().connection_lost(exc)
        self.app = self._application  # a bound method would keep the connection until the garbage collector runs

    def data_received(self, data: bytes) -> None:
        """Parse what the client sent. Nothing here logs a traceback: the client is at fault."""
        if self._is_lingering or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self._received_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # what follows is not HTTP; the request itself is answered as usual
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._limiter.faults.record("invalid_request")
            self._refuse(400)
            return
        if self._received_bytes > (MAX_HEAD_BYTES if self._is_reading_head else MAX_MESSAGE_BYTES):
            self._limiter.faults.record("too_large")
            self._refuse(431 if self._is_reading_head else 413)
        elif self._is_reading_head and self._deadline is None and not self._has_request:
            self._set_deadline()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; trailers of a chunked body are dropped."""
        if self._is_reading_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request.

        Raises:
            ValueError: too many headers or waiting requests; the parser turns it into its own error.
        """
        if len(self.headers) > MAX_HEADERS or len(self.pipeline) >= MAX_PIPELINED_REQUESTS:
            raise ValueError("too many headers or waiting requests")
        super().on_headers_complete()
        self._is_reading_head = False
        self._clear_deadline()
        self._limiter.mark_busy(self)

    def on_message_complete(self) -> None:
        """Expect the next head."""
        super().on_message_complete()
        self._is_reading_head = True
        self._received_bytes = 0

    def on_response_complete(self) -> None:
        """Start the next request of a pipeline, or wait for one."""
        if self._is_lingering:
            self.pipeline.clear()
            return
        super().on_response_complete()
        if not self._has_request:
            self._limiter.mark_idle(self)

    def pause_writing(self) -> None:
        """Give a client that does not read a limited time."""
        super().pause_writing()
        self._write_deadline = self.loop.call_later(self._limiter.write_timeout, self._on_write_timeout)

    def resume_writing(self) -> None:
        """Continue: the client reads."""
        super().resume_writing()
        if self._write_deadline is not None:
            self._write_deadline.cancel()

    def linger(self) -> None:
        """Close for writing, and discard what the client still sends for a moment."""
        if self.transport.is_closing():
            return
        self._is_lingering = True
        self._limiter.mark_idle(self)
        self.flow.resume_reading()
        self.transport.write_eof()
        self._deadline = self.loop.call_later(self._limiter.linger, self.transport.close)

    @property
    def _has_request(self) -> bool:
        """A request is in progress."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    async def _run_application(self, scope: Scope, receive: Receive, send: Send) -> None:
        cycle = cast("RequestResponseCycle", receive.__self__)  # type: ignore[attr-defined]

        async def send_and_close_unread(message: Message) -> None:
            if message["type"] == "http.response.start" and cycle.more_body:
                cycle.keep_alive = False
                cycle.transport = cast("asyncio.Transport", _LingeringTransport(self))
            await self.flow.drain()
            if self.transport.is_closing():  # uvicorn marks only the newest request of a lost connection
                cycle.disconnected = True
            await send(message)

        try:
            await self._application(scope, receive, send_and_close_unread)
        finally:
            cycle.transport = self.transport

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(self._limiter.head_timeout, self._on_head_timeout)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _on_head_timeout(self) -> None:
        if not self._received_bytes:  # browsers open connections in advance
            self.transport.close()
            return
        self._limiter.faults.record("slow_head")
        self._refuse(408)

    def _on_write_timeout(self) -> None:
        self._limiter.faults.record("slow_reader")
        self.transport.abort()

    def _refuse(self, status: int) -> None:
        """Respond with an empty error, unless a response is being sent, and close."""
        self._clear_deadline()
        is_responding = self._has_request and self.cycle.response_started
        if not is_responding:
            retry = "retry-after: 10\r\n" if status == 503 else ""
            line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            self.transport.write(f"{line}content-length: 0\r\n{retry}connection: close\r\n\r\n".encode())
        if self._has_request:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self._has_request or status == 503:
            self.transport.close()
        else:
            self.linger()


class _LingeringTransport:
    """The transport of a response whose request was not read completely: closing it lingers."""

    def __init__(self, protocol: ServerProtocol) -> None:
        self._protocol = protocol

    def write(self, data: bytes) -> None:
        self._protocol.transport.write(data)

    def is_closing(self) -> bool:
        return self._protocol.transport.is_closing()

    def close(self) -> None:
        self._protocol.linger()
