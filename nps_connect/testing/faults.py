"""Faults between a plugin and its simulated vendor, and the error classes that they must become."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime

import httpx

from nps_connect.errors import (
    AuthFailed,
    DeliveryError,
    NotAllowed,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RetryLater,
    TargetGone,
)
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.testing.fakes import START

Handler = Callable[[httpx.Request], httpx.Response]
FaultHandler = Callable[[httpx.Request, Handler], httpx.Response]


@dataclass(frozen=True)
class FaultCase:
    """One kind of fault.

    Attributes:
        name: what happens, for test ids.
        respond: responds to a request (or raises) instead of the vendor, which it may call first.
        expected: allowed classes of a delivery's outcome.
        status: status of the vendor's response, if there is one.
        refusal: the vendor refuses permanently; a look-up may treat that as "not found".
        calls: how often the client itself may send one request.
    """

    name: str
    respond: FaultHandler
    expected: tuple[type[DeliveryError], ...]
    status: int | None = None
    refusal: bool = False
    calls: int = 1

    def expected_for(self, info: ConnectorInfo) -> tuple[type[DeliveryError], ...]:
        """Return the allowed classes, including the vendor's `status_overrides`."""
        rule = info.status_overrides.get(self.status) if self.status else None
        return (rule.error,) if rule else self.expected

    def __repr__(self) -> str:
        return self.name


class FaultTransport(httpx.BaseTransport):
    """Passes requests on until a fault is armed.

    Attributes:
        request_count: number of requests since the last call of `arm`.
    """

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self._fault: FaultCase | None = None
        self._first = 0
        self.request_count = 0

    def arm(self, fault: FaultCase | None, first: int = 0) -> None:
        """Make the fault affect every request from number `first` on (counted from now); None disarms."""
        self._fault, self._first, self.request_count = fault, first, 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request on, or respond with the fault."""
        request.read()
        number, self.request_count = self.request_count, self.request_count + 1
        if self._fault is not None and number >= self._first:
            return self._fault.respond(request, self._inner.handle_request)
        return self._inner.handle_request(request)


def _error_response(status: int, **headers: str) -> FaultHandler:
    """Return an error that echoes the whole request, as a careless vendor's error page would."""

    def respond(request: httpx.Request, _vendor: Handler) -> httpx.Response:
        echo = {
            "url": str(request.url),
            "headers": dict(request.headers),
            "body": request.content.decode("utf-8", "replace"),
        }
        header_by_name = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.Response(status, content=json.dumps({"echo": echo}), headers=header_by_name)

    return respond


def _rejected_case(status: int, *expected: type[DeliveryError]) -> FaultCase:
    return FaultCase(str(status), _error_response(status), expected, status, refusal=status not in {401, 403})


def _busy_case(status: int, name: str, kind: type[DeliveryError], **headers: str) -> FaultCase:
    return FaultCase(f"{status} {name}", _error_response(status, **headers), (kind,), status)


def _transport_error_case(error: httpx.TransportError, *expected: type[DeliveryError], calls: int = 1) -> FaultCase:
    def respond(_request: httpx.Request, _vendor: Handler) -> httpx.Response:
        raise error

    return FaultCase(type(error).__name__, respond, expected, calls=calls)


def _apply_then_raise(error: httpx.TransportError) -> FaultHandler:
    def respond(request: httpx.Request, vendor: Handler) -> httpx.Response:
        vendor(request)
        raise error

    return respond


def _apply_then_respond(status: int, body: bytes) -> FaultHandler:
    def respond(request: httpx.Request, vendor: Handler) -> httpx.Response:
        vendor(request)
        return httpx.Response(status, content=body)

    return respond


MAYBE_APPLIED = (RetryLater, OutcomeUnknown)

RESPONSE_LOST = FaultCase("response lost", _apply_then_raise(httpx.ReadTimeout("no response")), MAYBE_APPLIED)
"""The vendor applied the request, and its response was lost."""

LOST_AFTER_APPLYING = (
    RESPONSE_LOST,
    FaultCase("reset after applying", _apply_then_raise(httpx.ReadError("reset by peer")), MAYBE_APPLIED),
    FaultCase("502 after applying", _apply_then_respond(502, b"<html>bad gateway"), MAYBE_APPLIED),
    FaultCase("unreadable after applying", _apply_then_respond(200, b"<html>welcome"), MAYBE_APPLIED),
)

FAULT_CASES = (
    _rejected_case(400, Rejected, TargetGone),
    _rejected_case(401, AuthFailed),
    _rejected_case(403, NotAllowed),
    _rejected_case(404, TargetGone, Rejected),
    _rejected_case(409, Rejected, RetryLater),
    _rejected_case(410, TargetGone, Rejected),
    _rejected_case(422, Rejected),
    _busy_case(429, "seconds", RateLimited, retry_after="7"),
    _busy_case(429, "date", RateLimited, retry_after=format_datetime(START + timedelta(seconds=9), usegmt=True)),
    _busy_case(429, "silent", RateLimited),
    _busy_case(503, "seconds", RetryLater, retry_after="7"),
    _busy_case(503, "silent", RetryLater),
    FaultCase("500", _error_response(500), MAYBE_APPLIED, 500),
    FaultCase("504", _error_response(504), MAYBE_APPLIED, 504),
    FaultCase("not JSON", lambda _request, _vendor: httpx.Response(200, content=b"<html>welcome"), MAYBE_APPLIED),
    _transport_error_case(httpx.ConnectError("connection refused"), RetryLater, calls=3),
    _transport_error_case(httpx.ConnectTimeout("no connection"), RetryLater),
    _transport_error_case(httpx.ReadTimeout("no response"), *MAYBE_APPLIED),
    _transport_error_case(httpx.ReadError("reset by peer"), *MAYBE_APPLIED),
    _transport_error_case(httpx.RemoteProtocolError("garbage"), *MAYBE_APPLIED),
)
