"""Faults that strike between a plugin and its simulated vendor, and what each must become."""

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
    Doubtful,
    NotAllowed,
    RateLimited,
    Rejected,
    RetryLater,
    TargetGone,
)
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.testing.vendor import START

Handler = Callable[[httpx.Request], httpx.Response]
Strike = Callable[[httpx.Request, Handler], httpx.Response]


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong with requests.

    Attributes:
        name: what happens, for test ids.
        strike: answers a request (or raises) in place of the vendor, which it may let act before.
        expected: classes of which a delivery's outcome must be one.
        status: the vendor's answer, if there is one.
        refusal: the vendor says no for good; looking something up may take that for an answer.
        calls: how often the client itself may send one request.
    """

    name: str
    strike: Strike
    expected: tuple[type[DeliveryError], ...]
    status: int | None = None
    refusal: bool = False
    calls: int = 1

    def told_by(self, info: ConnectorInfo) -> tuple[type[DeliveryError], ...]:
        """The expected classes, the vendor's own oddities considered."""
        rule = info.status_overrides.get(self.status) if self.status else None
        return (rule.error,) if rule else self.expected

    def __repr__(self) -> str:
        return self.name


class FaultTransport(httpx.BaseTransport):
    """Passes requests on until a fault is armed.

    Attributes:
        seen: requests since the fault was armed (or disarmed).
    """

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self._fault: Fault | None = None
        self._first = 0
        self.seen = 0

    def arm(self, fault: Fault | None, first: int = 0) -> None:
        """Let a fault strike every request from the `first` on (counted from now); none disarms."""
        self._fault, self._first, self.seen = fault, first, 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass on, or strike."""
        request.read()
        number, self.seen = self.seen, self.seen + 1
        if self._fault is not None and number >= self._first:
            return self._fault.strike(request, self._inner.handle_request)
        return self._inner.handle_request(request)


def _answer(status: int, **headers: str) -> Strike:
    """An answer that repeats all it was told, as a careless vendor's error page would."""

    def strike(request: httpx.Request, _vendor: Handler) -> httpx.Response:
        told = {
            "url": str(request.url),
            "headers": dict(request.headers),
            "body": request.content.decode("utf-8", "replace"),
        }
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.Response(status, content=json.dumps({"told": told}), headers=named)

    return strike


def _refused(status: int, *expected: type[DeliveryError]) -> Fault:
    return Fault(str(status), _answer(status), expected, status, refusal=status not in {401, 403})


def _busy(status: int, name: str, kind: type[DeliveryError], **headers: str) -> Fault:
    return Fault(f"{status} {name}", _answer(status, **headers), (kind,), status)


def _lost(error: httpx.TransportError, *expected: type[DeliveryError], calls: int = 1) -> Fault:
    def strike(_request: httpx.Request, _vendor: Handler) -> httpx.Response:
        raise error

    return Fault(type(error).__name__, strike, expected, calls=calls)


def _applied_then(error: httpx.TransportError) -> Strike:
    def strike(request: httpx.Request, vendor: Handler) -> httpx.Response:
        vendor(request)
        raise error

    return strike


def _applied_then_answer(status: int, body: bytes) -> Strike:
    def strike(request: httpx.Request, vendor: Handler) -> httpx.Response:
        vendor(request)
        return httpx.Response(status, content=body)

    return strike


PERHAPS = (RetryLater, Doubtful)

ANSWER_LOST = Fault("answer lost", _applied_then(httpx.ReadTimeout("no answer")), PERHAPS)
"""The vendor did what it was asked, and nobody heard of it."""

LOST_AFTER_APPLYING = (
    ANSWER_LOST,
    Fault("reset after applying", _applied_then(httpx.ReadError("reset by peer")), PERHAPS),
    Fault("502 after applying", _applied_then_answer(502, b"<html>bad gateway"), PERHAPS),
    Fault("unreadable after applying", _applied_then_answer(200, b"<html>welcome"), PERHAPS),
)

FAULTS = (
    _refused(400, Rejected, TargetGone),
    _refused(401, AuthFailed),
    _refused(403, NotAllowed),
    _refused(404, TargetGone, Rejected),
    _refused(409, Rejected, RetryLater),
    _refused(410, TargetGone, Rejected),
    _refused(422, Rejected),
    _busy(429, "seconds", RateLimited, retry_after="7"),
    _busy(429, "date", RateLimited, retry_after=format_datetime(START + timedelta(seconds=9), usegmt=True)),
    _busy(429, "silent", RateLimited),
    _busy(503, "seconds", RetryLater, retry_after="7"),
    _busy(503, "silent", RetryLater),
    Fault("500", _answer(500), PERHAPS, 500),
    Fault("504", _answer(504), PERHAPS, 504),
    Fault("not JSON", lambda _request, _vendor: httpx.Response(200, content=b"<html>welcome"), PERHAPS),
    _lost(httpx.ConnectError("connection refused"), RetryLater, calls=3),
    _lost(httpx.ConnectTimeout("no connection"), RetryLater),
    _lost(httpx.ReadTimeout("no answer"), *PERHAPS),
    _lost(httpx.ReadError("reset by peer"), *PERHAPS),
    _lost(httpx.RemoteProtocolError("garbage"), *PERHAPS),
)
