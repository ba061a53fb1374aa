"""`Context`: what every step of the walk is given. Made once by the wiring."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nps_connect.connection import Clock, Connection
from nps_connect.ledger.leases import Leases
from nps_connect.ledger.ledger import Ledger
from nps_connect.plugins import Plugins
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.redaction import Redactor
from nps_connect.rules.filters import Filter
from nps_connect.services.action_spec import ActionSpecs
from nps_connect.services.links import Links
from nps_connect.settings.model import Settings

JOBS_QUEUE = "jobs"


def parse_queue(connection: str) -> str:
    """The queue of raw requests to be parsed."""
    return f"{connection}/parse"


def decide_queue(connection: str) -> str:
    """The queue of events to be decided on."""
    return f"{connection}/decide"


def poll_queue(connection: str) -> str:
    """The queue of the jobs that ask a connection for news."""
    return f"{connection}/poll"


def delivery_queue(connection: str, action: str) -> str:
    """The queue of one action on one connection."""
    return f"{connection}/{action}"


@dataclass(frozen=True)
class Context:
    """The joined parts.

    Attributes:
        ledger: the open database, at the newest schema.
        settings: the validated configuration.
        plugins: the loaded plugins.
        connections: by name, ready to be handed to hooks.
        actions: the specification of every action, by name.
        filters: compiled `where` filters by trigger label; triggers without one are absent.
        links: makes and reads personal links.
        redact: takes every secret of the configuration out of a text.
        clock: the present moment (aware UTC).
        random: source of chance.
        wake: tells the engine that a queue has work; called after commit.
        leases: what the threads of this process hold.
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
    random: random.Random = field(default_factory=random.SystemRandom)
    wake: Callable[[str], None] = lambda _queue_name: None
    leases: Leases = field(default_factory=Leases)

    def plugin_name(self, connection: str) -> str:
        """Name of the plugin of a connection."""
        return str(self.connections[connection].settings.plugin)

    def connector_info(self, connection: str) -> ConnectorInfo:
        """What the plugin of a connection declares."""
        return self.plugins.infos[self.plugin_name(connection)]

    def has(self, connection: str, hook: str) -> bool:
        """Whether the connection's plugin implements a hook (false for a connection that is no longer configured)."""
        return connection in self.connections and self.plugins.has(self.plugin_name(connection), hook)

    def token(self) -> str:
        """A fresh random name, 32 hexadecimal digits, for a claim: held while the thread is at work."""
        token = f"{self.random.getrandbits(128):032x}"
        self.leases.record_progress(token)
        return token

    @property
    def shadow(self) -> bool:
        """Decide and record, but let nothing out of the application."""
        return self.settings.core.mode == "shadow"
