"""A plugin under test meets its simulated vendor: no network, a fixed clock, no waiting."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any

import httpx

from nps_connect.connection import Clock, Connection
from nps_connect.http import QuotaGate, VendorClient
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.records.events import WebhookRequest
from nps_connect.simulation import SimulatedVendor, VendorRequest, VendorWebhook

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""The moment at which the tests' clocks start: a Monday morning."""

WEBHOOK_URL = "https://nps.example.com/hooks/crm"
"""Where webhooks arrive in tests."""


@dataclass
class FixedClock:
    """A clock that moves only when it is told to, or when somebody sleeps on it.

    Attributes:
        now: the present moment (aware UTC).
        slept: the seconds of every sleep, in order.
    """

    now: datetime = START
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        """The present moment."""
        return self.now

    def forward(self, by: timedelta) -> None:
        """Move on."""
        self.now += by

    def sleep(self, seconds: float) -> None:
        """Wait without waiting: the clock moves on at once."""
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


class InMemoryTokenStore:
    """A token store that forgets everything at the end of the test."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(values or {})
        self._lock = RLock()

    def read(self, name: str) -> str | None:
        """The stored value, or none."""
        return self._values.get(name)

    def write(self, name: str, value: str) -> None:
        """Keep a value."""
        self._values[name] = value

    def exclusive(self, name: str) -> AbstractContextManager[None]:
        """One holder at a time."""
        return self._held()

    @contextmanager
    def _held(self) -> Iterator[None]:
        with self._lock:
            yield


class VendorTransport(httpx.BaseTransport):
    """Brings the vendor client's requests to a simulated vendor, without a network.

    Args:
        vendor: who answers.
        prefix: path of the base URL, taken off before the vendor sees the request.

    Attributes:
        requests: every request that arrived, in order, as the vendor saw it.
    """

    def __init__(self, vendor: SimulatedVendor, prefix: str = "") -> None:
        self._vendor = vendor
        self._prefix = prefix.rstrip("/")
        self.requests: list[VendorRequest] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Let the vendor answer one request."""
        path = request.url.path.removeprefix(self._prefix)
        seen = VendorRequest(
            method=request.method,
            path=path if path.startswith("/") else f"/{path}",
            query=dict(request.url.params),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.read(),
        )
        self.requests.append(seen)
        reply = self._vendor.handle(seen)
        return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body, request=request)


def received_webhook(webhook: VendorWebhook, at: datetime, url: str = WEBHOOK_URL) -> WebhookRequest:
    """A vendor's webhook as the web would have received it at a moment (aware)."""
    headers = {name.lower(): value for name, value in webhook.headers.items()}
    return WebhookRequest(method=webhook.method, url=url, headers=headers, body=webhook.body, received_at=at)


def connect(
    plugin: Any,  # noqa: ANN401  # a module, or an object with hooks
    settings: Mapping[str, Any],
    vendor: SimulatedVendor | None = None,
    *,
    clock: Clock | None = None,
    name: str = "crm",
    transport: httpx.BaseTransport | None = None,
    gate: QuotaGate | None = None,
    tokens: Mapping[str, str] | None = None,
) -> Connection:
    """A connection of a plugin to a simulated vendor, ready to be handed to its hooks.

    Args:
        plugin: the plugin's module.
        settings: its table as in the configuration, secrets in plain text; `plugin` is filled in.
        vendor: who answers; none with a `transport`, or for plugins without HTTP.
        clock: the present moment; the vendor's own if not given. Sleeping never waits, it moves a `FixedClock` on.
        name: the connection's name.
        transport: replaces the simulated vendor.
        gate: keeps quotas; open if not given.
        tokens: what the token store holds at first.

    Raises:
        pydantic.ValidationError: the settings do not fit.
        ValueError: the plugin speaks HTTP, but neither `vendor` nor `transport` is given.
    """
    info: ConnectorInfo = plugin.nps_connector()
    clock = clock or (vendor.clock if vendor else FixedClock())
    bare = Connection(
        name=name,
        settings=info.settings.model_validate({"plugin": info.name, **settings}),
        clock=clock,
        sleep=_sleep_function(clock),
        random=random.Random(0),  # noqa: S311  # tests repeat
        public_url="https://nps.example.com",
        tokens=InMemoryTokenStore(tokens),
        company="Exemple SA",
        default_language="fr",
    )
    if info.base_url is None:
        return bare
    if transport is None:
        if vendor is None:
            raise ValueError(f"plugin {info.name!r} speaks HTTP: give a simulated vendor or a transport")
        transport = VendorTransport(vendor, httpx.URL(info.base_url(bare.settings)).path)
    client = VendorClient(bare, info, transport=transport, gate=gate)
    return dataclasses.replace(bare, client=client)


def _sleep_function(clock: Clock) -> Callable[[float], None]:
    return clock.sleep if isinstance(clock, FixedClock) else lambda _seconds: None
