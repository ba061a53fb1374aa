"""The HTTP transport of the vendor client: every wait on a socket ends at the call's deadline.

The timeouts of `httpx` limit each single wait: a vendor that sends a byte now and then could block a worker for hours.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx
import tenacity

from nps_connect.connection import Sleep

NOT_SENT_ERRORS = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""Errors that occur before any byte of the request is sent."""

Remaining = Callable[[], float]
"""Seconds left until the deadline; negative when it has passed."""

_remaining: ContextVar[Remaining | None] = ContextVar("remaining", default=None)


def connect_retries(sleep: Sleep) -> tenacity.Retrying:
    """Return the retry policy: three attempts within about a second if no connection could be made, but no timeout."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(httpx.ConnectError),
        stop=tenacity.stop_after_attempt(3),
        wait=tenacity.wait_exponential(multiplier=0.1, max=0.5) + tenacity.wait_random(0, 0.2),
        sleep=sleep,
        reraise=True,
    )


@contextmanager
def deadline(remaining: Remaining) -> Iterator[None]:
    """Limit every wait of this thread on a `DeadlineTransport` to the remaining seconds."""
    token = _remaining.set(remaining)
    try:
        yield
    finally:
        _remaining.reset(token)


class DeadlineTransport(httpx.BaseTransport):
    """Plain HTTP/1.1 over TCP and TLS, with pooled connections."""

    def __init__(self) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_Backend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises:
            httpx.TransportError: as `httpx` itself would raise it.
        """
        url = request.url
        with _map_httpcore_errors():
            response = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            response.status, headers=response.headers, stream=_Body(response), extensions=response.extensions
        )

    def close(self) -> None:
        """Close pooled connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _map_httpcore_errors():
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _Backend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        wait = _bounded_timeout(timeout, httpcore.ConnectTimeout)
        return _Stream(self._plain.connect_tcp(host, port, wait, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, plain: httpcore.NetworkStream) -> None:
        self._plain = plain

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._plain.read(max_bytes, _bounded_timeout(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._plain.write(buffer, _bounded_timeout(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._plain.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        wait = _bounded_timeout(timeout, httpcore.ConnectTimeout)
        return _Stream(self._plain.start_tls(ssl_context, server_hostname, wait))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  # signature of the base class
        return self._plain.get_extra_info(info)


def _bounded_timeout(timeout: float | None, error_class: type[httpcore.TimeoutException]) -> float | None:
    remaining = _remaining.get()
    if remaining is None:
        return timeout
    seconds_left = remaining()
    if seconds_left <= 0:
        raise error_class("total deadline passed")
    return seconds_left if timeout is None else min(timeout, seconds_left)


@contextmanager
def _map_httpcore_errors() -> Iterator[None]:
    try:
        yield
    except (
        httpcore.NetworkError,
        httpcore.TimeoutException,
        httpcore.ProtocolError,
        httpcore.UnsupportedProtocol,
    ) as error:
        error_class = getattr(httpx, type(error).__name__, httpx.NetworkError)
        raise error_class(str(error)) from error
