"""`Connection`: one configured account of a plugin. What hooks receive; never stored."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, HttpUrl

if TYPE_CHECKING:
    from nps_connect.http import VendorClient
    from nps_connect.records.filters import FilterUse

Clock = Callable[[], datetime]
"""Gives the present moment, aware, in UTC."""

Sleep = Callable[[float], None]
"""Waits for so many seconds."""


def system_clock() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


class ConnectionSettings(BaseModel):
    """Base of every plugin's settings model: what any ``[connections.<name>]`` table may hold.

    Attributes:
        plugin: name of the plugin.
        base_url: replaces the vendor's address, for sandboxes and proxies.
        events: how events arrive: by webhook, by polling, or not at all.
        poll_every: seconds between two polls.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    plugin: str
    base_url: HttpUrl | None = None
    events: Literal["webhook", "poll", "none"] = "none"
    poll_every: float = 60.0


class TokenStore(Protocol):
    """Where a connection keeps tokens that change (OAuth refresh). Values are encrypted at rest."""

    def read(self, name: str) -> str | None:
        """The stored value, or none."""

    def write(self, name: str, value: str) -> None:
        """Store durably before returning."""

    def exclusive(self, name: str) -> AbstractContextManager[None]:
        """Only one holder at a time over all threads and workers, so that one refreshes and the others wait."""


@dataclass(frozen=True)
class Connection:
    """One configured account of a plugin.

    Attributes:
        name: the connection's own name, such as `crm`.
        settings: an instance of the plugin's settings model; secrets are `SecretStr`.
        client: the vendor client, or none for connections without HTTP.
        clock: the present moment (aware UTC).
        sleep: waiting, in seconds; tests pass one that does not wait.
        random: source of chance, seeded in tests.
        public_url: the product's own public address, without a trailing slash.
        tokens: the token-store port.
        company: the company's name, for subjects and bodies.
        default_language: first of the configured languages.
        filters: what the filters of this connection's triggers ask of the vendor, for `nps_check`.
    """

    name: str
    settings: Any
    client: VendorClient | None = None
    clock: Clock = system_clock
    sleep: Sleep = time.sleep
    random: random.Random = field(default_factory=random.SystemRandom)
    public_url: str = ""
    tokens: TokenStore | None = None
    company: str = ""
    default_language: str = "en"
    filters: tuple[FilterUse, ...] = ()

    @property
    def http(self) -> VendorClient:
        """The vendor client of a connection that has one."""
        if self.client is None:
            raise RuntimeError(f"connection {self.name!r} has no HTTP client: its ConnectorInfo names no base_url")
        return self.client
