"""Interface of a plugin's simulated vendor: a stateful function from request to reply.

The sandbox serves it over HTTP; the contract kit wraps the same object in an `httpx` transport. Plugins ship it under
the entry point group ``nps_connect.sandbox``, with the plugin's name.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nps_connect.connection import Clock, system_clock
from nps_connect.records.base import FieldValue
from nps_connect.records.snapshots import AccountSnapshot


@dataclass(frozen=True)
class VendorRequest:
    """A request as the simulated vendor sees it: `path` starts with a slash and is relative to the vendor's mount.

    Attributes:
        method: upper case.
        path: percent-decoded, without the query.
        query: parameters by name.
        headers: names in lower case.
        body: raw bytes.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:  # noqa: ANN401  # JSON has no narrower type
        """Return the body as JSON, or None if it is empty.

        Raises:
            ValueError: the body is not JSON.
        """
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class VendorReply:
    """The simulated vendor's reply.

    Attributes:
        status: HTTP status.
        body: raw bytes.
        headers: names in lower case.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_reply(status: int, content: object, **headers: str) -> VendorReply:
    """Return a JSON reply; header names are given with underscores."""
    header_by_name = {name.replace("_", "-"): value for name, value in headers.items()}
    return VendorReply(status, json.dumps(content).encode(), {"content-type": "application/json", **header_by_name})


@dataclass(frozen=True)
class SimulatedPerson:
    """A person that the simulated vendors know, by e-mail address (``...@example.com``).

    Attributes:
        email: address.
        name: full name.
        language: BCP 47 language tag, such as `fr`.
        opted_out: the vendor has recorded an opt-out.
    """

    email: str
    name: str
    language: str
    opted_out: bool = False


@dataclass(frozen=True)
class VendorWebhook:
    """A webhook as the vendor would send it, formed and signed like a genuine one.

    Attributes:
        method: upper case.
        headers: headers with the signature.
        body: raw bytes.
    """

    method: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class VendorEffects:
    """What is visible at the vendor, by e-mail address; used by summaries and tests.

    Attributes:
        scores: the score on the person's record.
        comments: the comment on the person's record.
        tickets: ids of tickets for the person, in order of creation.
        alerts: titles of received alerts, in order.
        case_states: the state of the newest case on the person's record.
    """

    scores: Mapping[str, int] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)
    tickets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    alerts: Sequence[str] = ()
    case_states: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class VendorTable:
    """Records of a simulated vendor as the sandbox's page shows them to people.

    Attributes:
        title: what the rows are, such as `Contacts`.
        columns: the headings.
        rows: texts, one for each column; the newest row first.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]


class SimulatedVendor(ABC):
    """A simulated vendor: runs in a thread and reproduces the vendor's observable behaviour.

    `handle` may be called from several threads concurrently; implementations lock. Authentication, batch limits, quotas
    and error shapes are the vendor's own.
    """

    name: str

    def __init__(self, clock: Clock = system_clock) -> None:
        self.clock = clock

    @abstractmethod
    def handle(self, request: VendorRequest) -> VendorReply:
        """Return the response to one API request."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return everything that the vendor stores, as JSON-ready data."""

    @abstractmethod
    def environment(self, base_url: str, connection: str) -> dict[str, str]:
        """Return environment variables that point the plugin's example configuration at this simulated vendor.

        Args:
            base_url: where it is mounted, such as ``http://127.0.0.1:8041/acme``.
            connection: the connection's name, for overrides such as ``NPS_CONNECT_CONNECTIONS__CRM__EVENTS=webhook``.
        """

    def populate(self, people: Sequence[SimulatedPerson]) -> None:
        """Add these people to the vendor."""

    def connection_settings(self, settings: Mapping[str, Any], base_url: str) -> dict[str, Any]:
        """Return the settings of a connection to this vendor: those given, with address and credentials of its own.

        The vendor takes over what the settings say about the account, such as its number. Called once, before use.

        Args:
            settings: the configured keys of the connection, validated.
            base_url: address of this vendor.
        """
        return {**settings, "base_url": base_url}

    def restore(self, snapshot: AccountSnapshot) -> None:
        """Make the account like the one of a snapshot: its fields, scopes and other objects, and no others."""

    def simulate_event(self, kind: str, email: str, fields: Mapping[str, FieldValue] | None = None) -> list[str]:
        """Simulate an event of a person, such as ``deal.won``; returns the ids of the resulting facts for `webhooks`.

        Empty for unknown kinds, and where this account has no such event.

        Args:
            kind: kind of event.
            email: the person's address.
            fields: values of the event's object (or the person's record), as filters name them; those that the account
                does not have are left out.
        """
        return []

    def webhooks(self, facts: Sequence[str], url: str) -> list[VendorWebhook]:
        """Return the webhooks that the vendor sends to `url` for these facts; a second call is a genuine resend."""
        return []

    def opt_out(self, email: str) -> None:
        """Record that the person opts out at the vendor."""

    def effects(self) -> VendorEffects:
        """Return what is visible at the vendor."""
        return VendorEffects()

    def tables(self) -> Sequence[VendorTable]:
        """Return the records that people would look at in the vendor's own pages."""
        return ()
