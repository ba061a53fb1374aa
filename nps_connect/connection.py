"""`Connection`: the link to one vendor account, which hooks receive. It is never stored."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, HttpUrl
from typing_extensions import TypeVar

from nps_connect.records.base import is_loopback

if TYPE_CHECKING:
    from nps_connect.http import VendorClient
    from nps_connect.records.actions import Action
    from nps_connect.records.contact_fields import ContactFieldUse
    from nps_connect.records.filters import FilterUse

log = logging.getLogger(__name__)

SettingsT = TypeVar("SettingsT", default=Any)
"""The settings model of a plugin."""

Clock = Callable[[], datetime]
"""Returns the current time, aware, in UTC."""

Sleep = Callable[[float], None]
"""Waits for a number of seconds."""

STEP_TOLERANCE = timedelta(seconds=2)
"""A smaller step of the wall clock is followed immediately."""

STEP_CONFIRMATION = timedelta(seconds=60)
"""A larger step is followed when it has lasted for this time."""

RecordHandover = Callable[[str], None]
"""Records durably that the message with this idempotency key is handed over now."""


def system_clock() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


class SteadyClock:
    """The clock of a process: a wall clock that is wrong for seconds does not move it. Thread-safe.

    It advances with the monotonic clock, and takes the wall clock's time over when both agree, or when a step of the
    wall clock has lasted. So a faulty time server neither sends what is due tomorrow, nor leaves stored moments that
    everything waits for.

    Args:
        wall: returns the current time, aware, in UTC.
        monotonic: source of elapsed time, in seconds.
    """

    def __init__(self, wall: Clock = system_clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._epoch = wall() - timedelta(seconds=monotonic())
        self._step_seen_at: float | None = None

    def __call__(self) -> datetime:
        """Return the current time, aware, in UTC."""
        with self._lock:
            now, elapsed = self._wall(), self._monotonic()
            steady = self._epoch + timedelta(seconds=elapsed)
            if abs(now - steady) > STEP_TOLERANCE:
                if self._step_seen_at is None:
                    self._step_seen_at = elapsed
                    log.error("clock_stepped seconds=%.0f finding=clock-skew", (now - steady).total_seconds())
                if elapsed - self._step_seen_at < STEP_CONFIRMATION.total_seconds():
                    return steady
                log.error("clock_step_followed seconds=%.0f finding=clock-skew", (now - steady).total_seconds())
            self._step_seen_at = None
            self._epoch = now - timedelta(seconds=elapsed)
            return now


def _record_nothing(_idempotency_key: str) -> None:
    """Outside of deliveries, as with a test message, no handover is recorded."""


def _check_base_url(url: HttpUrl) -> HttpUrl:
    if url.username is not None or url.password is not None:
        raise ValueError("must hold no user name and no password")
    if url.scheme != "https" and not is_loopback(url.host or ""):
        raise ValueError("must be https, or http to this machine, such as a sandbox")
    return url


class ConnectionSettings(BaseModel):
    """Base of every plugin's settings model: the keys that each ``[connections.<name>]`` table accepts.

    Attributes:
        plugin: name of the plugin.
        base_url: overrides the vendor's address, for sandboxes and proxies: https, or http to this machine, without
            user name and password.
        events: how events arrive: by webhook, by polling, only by the HTTP API and by hand, or not at all.
        poll_every: seconds between two polls.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    plugin: str
    base_url: Annotated[HttpUrl, AfterValidator(_check_base_url)] | None = None
    events: Literal["webhook", "poll", "api", "none"] = "none"
    poll_every: float = 60.0


class TokenStore(Protocol):
    """Port: stores refreshable tokens (OAuth) of a connection, encrypted at rest."""

    def read(self, name: str) -> str | None:
        """Return the stored value; None if there is none."""

    def write(self, name: str, value: str) -> None:
        """Store a value durably."""

    def exclusive(self, name: str) -> AbstractContextManager[None]:
        """Return a lock across all threads and workers, so that one refreshes the token and the others wait."""


@dataclass(frozen=True)
class Connection(Generic[SettingsT]):
    """A configured link to one vendor account, as `Connection[AcmeSettings]` in the hooks of a plugin.

    A bare `Connection` is `Connection[Any]`.

    Attributes:
        name: the connection's own name, such as `crm`.
        settings: an instance of the plugin's settings model; secrets are `SecretStr`.
        client: the HTTP client; None for connections without HTTP.
        clock: returns the current time (aware UTC).
        sleep: waits for a number of seconds; tests pass one that does not wait.
        random: source of random numbers, seeded in tests.
        public_url: the product's public address, without a trailing slash.
        tokens: the token store.
        company: the company's name, for subjects and bodies.
        default_language: first of the configured languages.
        filters: fields that the filters of this connection's triggers use, for `nps_check`.
        contact_fields: contact fields that settings name: part of every `Contact` that the plugin returns.
        disabled_actions: actions that settings switch off: their set-up is not needed.
        record_handover: see `ConnectorInfo.records_handover`; it raises `RetryLater` if the message must not be sent.
    """

    name: str
    settings: SettingsT
    client: VendorClient | None = None
    clock: Clock = system_clock
    sleep: Sleep = time.sleep
    random: random.Random = field(default_factory=random.SystemRandom)
    public_url: str = ""
    tokens: TokenStore | None = None
    company: str = ""
    default_language: str = "en"
    filters: tuple[FilterUse, ...] = ()
    contact_fields: tuple[ContactFieldUse, ...] = ()
    disabled_actions: frozenset[Action] = frozenset()
    record_handover: RecordHandover = _record_nothing

    @property
    def http(self) -> VendorClient:
        """The HTTP client.

        Raises:
            RuntimeError: the connection has none.
        """
        if self.client is None:
            raise RuntimeError(f"connection {self.name!r} has no HTTP client: its ConnectorInfo names no base_url")
        return self.client
