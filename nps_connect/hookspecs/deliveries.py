"""Hooks for deliveries: one action for a batch of items on one connection.

Each hook receives at most as many items as the plugin declares for the action, and returns one outcome per item, in
order: a `Receipt`, or a `DeliveryError` instance for an item that failed. Raising a `DeliveryError` gives the whole
batch that outcome. Hooks do not retry, sleep, log or start threads: the client raises, the worker decides what follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nps_connect.connection import Connection
from nps_connect.errors import DeliveryError
from nps_connect.hookspecs.markers import hookspec
from nps_connect.records.deliveries import (
    Alert,
    CaseOutcome,
    ContactErasure,
    DeliveryView,
    OptOut,
    Receipt,
    ScoreUpdate,
    TicketDraft,
    TicketUpdate,
)
from nps_connect.records.messages import Message
from nps_connect.records.webhooks import OutgoingWebhook


@hookspec
def nps_send_messages(connection: Connection[Any], messages: Sequence[Message]) -> Sequence[Receipt | DeliveryError]:  # type: ignore[empty-body]
    """Send messages to people: surveys, reminders, review invitations, and fallback mails to staff.

    A channel that declares `records_handover` calls `connection.record_handover` with the key of each message right
    before the step after which it may have been sent.

    Raises:
        RetryLater: not sent. OutcomeUnknown: the connection was lost after the message was complete.
        Rejected: the address or the message is rejected permanently.
    """


@hookspec
def nps_write_scores(connection: Connection[Any], updates: Sequence[ScoreUpdate]) -> Sequence[Receipt | DeliveryError]:  # type: ignore[empty-body]
    """Write scores to contact records. An older response must not overwrite a newer one.

    Raises:
        DeliveryError: any, for the whole batch.
    """


@hookspec
def nps_write_case_outcomes(  # type: ignore[empty-body]
    connection: Connection[Any], outcomes: Sequence[CaseOutcome]
) -> Sequence[Receipt | DeliveryError]:
    """Write to contact records what has become of detractors: case open, solved or recovered, since when, by whom.

    Called for the connections that have the score of the response. An older outcome must not overwrite a newer one, see
    `CaseOutcome`. Idempotent: the same outcome may come again.

    Raises:
        DeliveryError: any, for the whole batch.
    """


@hookspec
def nps_write_opt_outs(connection: Connection[Any], opt_outs: Sequence[OptOut]) -> Sequence[Receipt | DeliveryError]:  # type: ignore[empty-body]
    """Write our unsubscribes to the CRM.

    Raises:
        DeliveryError: any, for the whole batch.
    """


@hookspec
def nps_erase_contacts(  # type: ignore[empty-body]
    connection: Connection[Any], erasures: Sequence[ContactErasure]
) -> Sequence[Receipt | DeliveryError]:
    """Remove what `nps_write_scores` and `nps_write_case_outcomes` have written about erased people. Idempotent.

    Fields are emptied, notes and tasks deleted. The contact itself, tickets and opt-outs stay. The receipt's note says
    what was removed, and what the vendor keeps.

    Raises:
        TargetGone: the vendor does not know the person. DeliveryError: any other, for the whole batch.
    """


@hookspec
def nps_open_tickets(connection: Connection[Any], drafts: Sequence[TicketDraft]) -> Sequence[Receipt | DeliveryError]:  # type: ignore[empty-body]
    """Open one ticket per draft, with the draft's idempotency key and external id; the receipt holds the ticket's id.

    Raises:
        DeliveryError: any, for the whole batch.
    """


@hookspec
def nps_update_tickets(  # type: ignore[empty-body]
    connection: Connection[Any], updates: Sequence[TicketUpdate]
) -> Sequence[Receipt | DeliveryError]:
    """Add a changed score, a late comment or a recovery to an existing ticket. Never opens a second ticket.

    Raises:
        DeliveryError: any, for the whole batch.
    """


@hookspec
def nps_send_alerts(connection: Connection[Any], alerts: Sequence[Alert]) -> Sequence[Receipt | DeliveryError]:  # type: ignore[empty-body]
    """Alert staff.

    Raises:
        DeliveryError: any, for the whole batch.
    """


@hookspec
def nps_send_webhooks(  # type: ignore[empty-body]
    connection: Connection[Any], webhooks: Sequence[OutgoingWebhook]
) -> Sequence[Receipt | DeliveryError]:
    """Tell a system what happened, such as a response or a solved case.

    The plugin says with `ConnectorInfo.webhook_subscription` what a connection wants to be told; no route names this
    action. A webhook whose effect is unknown is sent again with the same key: the receiver must tell by it.

    Raises:
        DeliveryError: any, for the whole batch.
    """


@hookspec
def nps_find_existing(connection: Connection[Any], delivery: DeliveryView) -> Receipt | None:
    """Look for the effect of a delivery in doubt; return its receipt, or None if it certainly has none.

    Raises:
        DeliveryError: any, if the vendor cannot be asked now; the delivery stays in doubt.
    """
