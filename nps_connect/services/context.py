"""`Context`: the application's parts as every service receives them. Built once by `app/`."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from nps_connect.ledger.leases import Leases
from nps_connect.rules.dimensions import DimensionRules
from nps_connect.rules.webhook_subscribers import WebhookSubscribers

if TYPE_CHECKING:  # so that what only reads imports neither plugins nor the HTTP client
    from nps_connect.connection import Clock, Connection
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.ledger.state_dir import StateDir
    from nps_connect.ledger.suppression_journal import SuppressionJournal
    from nps_connect.ledger.tables import RawRequest
    from nps_connect.plugins import Plugins
    from nps_connect.records.connectors import ConnectorInfo, EventKind
    from nps_connect.records.events import Event, SkippedEntries
    from nps_connect.redaction import Redactor
    from nps_connect.rules.filters import Filter
    from nps_connect.services.action_spec import ActionSpec, ActionSpecs
    from nps_connect.services.links import Links
    from nps_connect.settings.model import Settings


class WakeRelay:
    """Forwards wake-ups to the engine, which is created after the context; without one they have no effect."""

    def __init__(self) -> None:
        self.forward_to: Callable[[str], object] = lambda _queue_name: None

    def __call__(self, queue_name: str) -> None:
        """Notify the engine that a queue has work."""
        self.forward_to(queue_name)


class LatestMoment:
    """When something was observed last by any thread of this process; None until then."""

    def __init__(self) -> None:
        self.at: datetime | None = None


@dataclass(frozen=True)
class Context:
    """The application's parts.

    Attributes:
        ledger: the open database with the current schema.
        settings: the validated configuration.
        plugins: the loaded plugins.
        connections: by name, as hooks receive them.
        actions: the specification of every action, by name.
        filters: compiled `where` filters by trigger label; triggers without one are absent.
        links: builds and verifies personal links.
        redact: removes every configured secret from a text.
        clock: returns the current time (aware, UTC).
        journal: records suppressions outside the database.
        erasure_keys: for the hashes of erased mailboxes: the first makes new ones, all are compared.
        webhook_subscribers: who receives which webhooks.
        dimensions: how responses are grouped.
        state_dir: the state directory of this host; None where the configuration names none.
        random: random number generator, for jitter and lease tokens.
        wake: notifies the engine that a queue has work; called after commit.
        leases: the claims that the threads of this process hold.
        foreign_request: the last request of another host to this process.
    """

    ledger: Ledger
    settings: Settings
    plugins: Plugins
    connections: Mapping[str, Connection]
    actions: ActionSpecs
    filters: Mapping[str, Filter]
    links: Links
    redact: Redactor
    clock: Clock
    journal: SuppressionJournal
    erasure_keys: tuple[bytes, ...]
    webhook_subscribers: WebhookSubscribers = field(default_factory=WebhookSubscribers)
    dimensions: DimensionRules = field(default_factory=DimensionRules)
    state_dir: StateDir | None = None
    random: random.Random = field(default_factory=random.SystemRandom)
    wake: WakeRelay = field(default_factory=WakeRelay)
    leases: Leases = field(default_factory=Leases)
    foreign_request: LatestMoment = field(default_factory=LatestMoment)

    def connector_info(self, connection: str) -> ConnectorInfo:
        """Return what a connection's plugin declares."""
        return self.plugins.infos[self.connections[connection].settings.plugin]

    def event_kinds(self, connection: str) -> tuple[EventKind, ...]:
        """Return the kinds of event that a connection can have."""
        return self.connector_info(connection).event_kinds(self.connections[connection].settings)

    def has(self, connection: str, hook: str) -> bool:
        """Return whether the connection is configured and its plugin implements a hook."""
        return connection in self.connections and self.plugins.has(self.connections[connection].settings.plugin, hook)

    def carries_out(self, connection: str, spec: ActionSpec) -> bool:
        """Return whether a connection is configured, and its plugin declares an action and has its hook."""
        return self.has(connection, spec.hook) and self.connector_info(connection).action(spec.action) is not None

    def parse_webhook(self, row: RawRequest) -> Sequence[Event | SkippedEntries]:
        """Let the plugin parse a stored webhook.

        Raises:
            WebhookRejected: the plugin cannot read it.
        """
        from nps_connect.records.events import WebhookRequest

        request = WebhookRequest(
            method=row.method, url=row.url, headers=row.headers, body=row.body, received_at=row.received_at
        )
        connection = self.connections[row.connection]
        entries: Sequence[Event | SkippedEntries] = self.plugins.call(
            connection.settings.plugin, "nps_parse_events", connection=connection, request=request
        )
        return entries

    def token(self) -> str:
        """Return a new lease token of 32 hexadecimal digits, renewed while this thread works."""
        token = f"{self.random.getrandbits(128):032x}"
        self.leases.record_progress(token)
        return token

    def new_public_id(self) -> str:
        """Return a new random id of 128 bits, as 32 hexadecimal digits, which nobody can guess and nothing repeats."""
        return secrets.token_hex(16)

    @property
    def shadow(self) -> bool:
        """Whether the mode is shadow: decide and record, but deliver nothing."""
        return self.settings.core.mode == "shadow"
