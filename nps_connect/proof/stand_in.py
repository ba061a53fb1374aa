"""Stand-in of a plugin that has no simulated vendor: it takes what is delivered, and sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from nps_connect.connection import Clock, Connection
from nps_connect.errors import DeliveryError, RetryLater
from nps_connect.hookspecs.markers import hookimpl
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.records.deliveries import (
    Alert,
    CaseOutcome,
    ContactErasure,
    OptOut,
    Payload,
    Receipt,
    ScoreUpdate,
    TicketDraft,
    TicketUpdate,
)
from nps_connect.records.messages import Message
from nps_connect.records.webhooks import OutgoingWebhook

DELIVERY_HOOKS = frozenset(
    {
        "nps_send_messages",
        "nps_send_alerts",
        "nps_write_scores",
        "nps_write_case_outcomes",
        "nps_open_tickets",
        "nps_update_tickets",
        "nps_write_opt_outs",
        "nps_send_webhooks",
    }
)

Item = TypeVar("Item", bound=Payload)


@dataclass(frozen=True)
class Sent:
    """One item that a stand-in accepted."""

    at: datetime
    connection: str
    item: Payload


@dataclass
class Outbox:
    """What the stand-ins accepted.

    Attributes:
        clock: the time of the twin.
        refuses: whether the next item of a connection is refused for now: an injected fault.
        sent: the accepted items, in order.
    """

    clock: Clock
    refuses: Callable[[str], bool]
    sent: list[Sent] = field(default_factory=list)

    def accept(self, connection: str, items: Sequence[Payload]) -> list[Receipt | DeliveryError]:
        """Take a batch; return an outcome for each item."""
        outcomes: list[Receipt | DeliveryError] = []
        for item in items:
            if self.refuses(connection):
                outcomes.append(RetryLater("injected fault"))
                continue
            self.sent.append(Sent(self.clock(), connection, item))
            outcomes.append(Receipt(id=f"{connection}-{len(self.sent)}"))
        return outcomes

    def messages(self) -> list[tuple[datetime, Message]]:
        """Return the messages to people, with the time of their sending."""
        return [(sent.at, sent.item) for sent in self.sent if isinstance(sent.item, Message)]


class StandIn:
    """A plugin with every delivery hook; queues exist for those that the plugin declares.

    Args:
        info: declaration of the plugin that it stands in for.
        outbox: takes what is delivered.
    """

    def __init__(self, info: ConnectorInfo, outbox: Outbox) -> None:
        events_off = {"webhooks": False, "polling": False, "records_handover": False, "quotas_for": None}
        self._info = info.model_copy(update={**events_off, "base_url": None, "quotas": ()})
        self._outbox = outbox

    @hookimpl
    def nps_connector(self) -> ConnectorInfo:
        """Return the declaration, without events and network."""
        return self._info

    @hookimpl
    def nps_send_messages(
        self, connection: Connection, messages: Sequence[Message]
    ) -> Sequence[Receipt | DeliveryError]:
        """Take messages."""
        return self._outbox.accept(connection.name, messages)

    @hookimpl
    def nps_send_alerts(self, connection: Connection, alerts: Sequence[Alert]) -> Sequence[Receipt | DeliveryError]:
        """Take alerts."""
        return self._outbox.accept(connection.name, alerts)

    @hookimpl
    def nps_write_scores(
        self, connection: Connection, updates: Sequence[ScoreUpdate]
    ) -> Sequence[Receipt | DeliveryError]:
        """Take scores."""
        return self._outbox.accept(connection.name, updates)

    @hookimpl
    def nps_write_case_outcomes(
        self, connection: Connection, outcomes: Sequence[CaseOutcome]
    ) -> Sequence[Receipt | DeliveryError]:
        """Take outcomes of cases."""
        return self._outbox.accept(connection.name, outcomes)

    @hookimpl
    def nps_open_tickets(
        self, connection: Connection, drafts: Sequence[TicketDraft]
    ) -> Sequence[Receipt | DeliveryError]:
        """Take tickets."""
        return self._outbox.accept(connection.name, drafts)

    @hookimpl
    def nps_update_tickets(
        self, connection: Connection, updates: Sequence[TicketUpdate]
    ) -> Sequence[Receipt | DeliveryError]:
        """Take updates of tickets."""
        return self._outbox.accept(connection.name, updates)

    @hookimpl
    def nps_write_opt_outs(
        self, connection: Connection, opt_outs: Sequence[OptOut]
    ) -> Sequence[Receipt | DeliveryError]:
        """Take opt-outs."""
        return self._outbox.accept(connection.name, opt_outs)

    @hookimpl
    def nps_erase_contacts(
        self, connection: Connection, erasures: Sequence[ContactErasure]
    ) -> Sequence[Receipt | DeliveryError]:
        """Take erasures."""
        return self._outbox.accept(connection.name, erasures)

    @hookimpl
    def nps_send_webhooks(
        self, connection: Connection, webhooks: Sequence[OutgoingWebhook]
    ) -> Sequence[Receipt | DeliveryError]:
        """Take webhooks."""
        return self._outbox.accept(connection.name, webhooks)
