"""Connect a plugin under test with its simulated vendor: no network, a fixed clock, no waiting."""

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
from nps_connect.http import RateLimiter, VendorClient
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.records.events import WebhookRequest
from nps_connect.sandbox.vendor_transport import VendorTransport
from nps_connect.simulation import SimulatedVendor, VendorWebhook

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""Start time of the clocks in tests: a Monday morning."""

WEBHOOK_URL = "https://nps.example.com/hooks/crm"
"""Address that webhooks arrive at in tests."""


@dataclass
class FixedClock:
    """A clock that only moves when `forward` or `sleep` is called.

    Attributes:
        now: current time (aware, UTC).
        slept: seconds of every sleep, in order.
    """

    now: datetime = START
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        """Return the current time."""
        return self.now

    def forward(self, by: timedelta) -> None:
        """Advance the clock."""
        self.now += by

    def sleep(self, seconds: float) -> None:
        """Advance the clock without waiting."""
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


class InMemoryTokenStore:
    """A token store that lives as long as the test."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(values or {})
        self._lock = RLock()

    def read(self, name: str) -> str | None:
        """Return the stored value, or None."""
        return self._values.get(name)

    def write(self, name: str, value: str) -> None:
        """Store a value."""
        self._values[name] = value

    def exclusive(self, name: str) -> AbstractContextManager[None]:
        """Return a lock that one caller holds at a time."""
        return self._hold_lock()

    @contextmanager
    def _hold_lock(self) -> Iterator[None]:
        with self._lock:
            yield


def received_webhook(webhook: VendorWebhook, at: datetime, url: str = WEBHOOK_URL) -> WebhookRequest:
    """Return a vendor's webhook as the web layer receives it at a moment (aware)."""
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
    rate_limiter: RateLimiter | None = None,
    tokens: Mapping[str, str] | None = None,
) -> Connection:
    """Build a connection of a plugin to a simulated vendor, ready to be passed to hooks.

    Args:
        plugin: the plugin's module.
        settings: its table as in the configuration, secrets in plain text; `plugin` is added.
        vendor: the simulated vendor; not needed with `transport`, or for plugins without HTTP.
        clock: current time; the vendor's clock by default. Sleeping never waits; it advances a `FixedClock`.
        name: the connection's name.
        transport: replaces the simulated vendor.
        rate_limiter: enforces quotas; unlimited by default.
        tokens: initial content of the token store.

    Raises:
        pydantic.ValidationError: the settings are invalid.
        ValueError: the plugin uses HTTP, but neither `vendor` nor `transport` is given.
    """
    info: ConnectorInfo = plugin.nps_connector()
    clock = clock or (vendor.clock if vendor else FixedClock())
    connection = Connection(
        name=name,
        settings=info.settings.model_validate({"plugin": info.name, **settings}),
        clock=clock,
        sleep=_sleep_function(clock),
        random=random.Random(0),  # noqa: S311  # reproducible tests
        public_url="https://nps.example.com",
        tokens=InMemoryTokenStore(tokens),
        company="Exemple SA",
        default_language="fr",
    )
    if info.base_url is None or (address := info.base_url(connection.settings)) is None:
        return connection
    if transport is None:
        if vendor is None:
            raise ValueError(f"plugin {info.name!r} uses HTTP: pass a simulated vendor or a transport")
        transport = VendorTransport(vendor, httpx.URL(address).path)
    client = VendorClient(connection, info, transport=transport, rate_limiter=rate_limiter)
    return dataclasses.replace(connection, client=client)


def _sleep_function(clock: Clock) -> Callable[[float], None]:
    return clock.sleep if isinstance(clock, FixedClock) else lambda _seconds: None
