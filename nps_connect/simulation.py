"""What a plugin's simulated vendor is: a stateful function from request to reply.

The sandbox serves it over HTTP; the contract kit wraps the same object in an `httpx` transport. It is shipped by the
plugin under the entry point group ``nps_connect.sandbox``, with the plugin's name.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nps_connect.connection import Clock, system_clock


@dataclass(frozen=True)
class VendorRequest:
    """A request as the simulated vendor sees it: `path` starts with a slash and is relative to the vendor's mount."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:  # noqa: ANN401  # JSON has no narrower type
        """The body as JSON; an empty body is none.

        Raises:
            ValueError: not JSON.
        """
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class VendorReply:
    """The simulated vendor's reply."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_reply(status: int, content: object, **headers: str) -> VendorReply:
    """A JSON reply; header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return VendorReply(status, json.dumps(content).encode(), {"content-type": "application/json", **named})


@dataclass(frozen=True)
class SimulatedPerson:
    """Somebody whom the simulated vendors know, by e-mail address (``...@example.com``)."""

    email: str
    name: str
    language: str
    opted_out: bool = False


@dataclass(frozen=True)
class VendorWebhook:
    """A webhook as the vendor would send it: genuinely formed and signed."""

    method: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class VendorEffects:
    """What can be seen *at the vendor*, by e-mail address: for summaries and tests.

    Attributes:
        scores: the score on the person's record.
        comments: the comment on the person's record.
        tickets: ids of tickets for the person, in order of creation.
        alerts: alerts received (their titles), in order.
    """

    scores: Mapping[str, int] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)
    tickets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    alerts: Sequence[str] = ()


class SimulatedVendor(ABC):
    """A vendor small enough to run in a thread and faithful enough to be believed.

    `handle` may be called from several threads at once; implementations lock. Authentication, batch limits, quotas and
    error shapes are the vendor's own.
    """

    name: str

    def __init__(self, clock: Clock = system_clock) -> None:
        self.clock = clock

    @abstractmethod
    def handle(self, request: VendorRequest) -> VendorReply:
        """Answer one API request."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """All that the vendor holds, as JSON-ready data."""

    @abstractmethod
    def environment(self, base_url: str, connection: str) -> dict[str, str]:
        """Environment variables that point the plugin's example configuration at this simulated vendor.

        Args:
            base_url: where it is mounted, such as ``http://127.0.0.1:8041/acme``.
            connection: the connection's name, for overrides such as ``NPS_CONNECT_CONNECTIONS__CRM__EVENTS=webhook``.
        """

    def populate(self, people: Sequence[SimulatedPerson]) -> None:
        """Make these people known to the vendor."""

    def simulate_event(self, kind: str, email: str) -> list[str]:
        """Let something happen to a person, such as ``deal.won``; returns ids for `webhooks`, none if unknown."""
        return []

    def webhooks(self, facts: Sequence[str], url: str) -> list[VendorWebhook]:
        """The webhooks that the vendor sends to `url` for these facts. Asking again gives a genuine resend."""
        return []

    def opt_out(self, email: str) -> None:
        """The person opts out at the vendor."""

    def effects(self) -> VendorEffects:
        """What can be seen at the vendor."""
        return VendorEffects()
