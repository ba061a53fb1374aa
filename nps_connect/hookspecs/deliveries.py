"""Delivering: one action for a batch of subjects on one connection.

Every hook here gets up to the batch size that the plugin declares for the action, and returns one outcome per item, in
order: a `Receipt`, or a `DeliveryError` instance for an item that failed. Raising a `DeliveryError` means that
the whole batch had that outcome. No retries, sleeping, threads or logging: the client raises, the worker decides.
"""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect.connection import Connection
from nps_connect.errors import DeliveryError
from nps_connect.hookspecs.markers import hookspec
from nps_connect.records.deliveries import Alert, DeliveryView, OptOut, Receipt, ScoreUpdate, TicketDraft, TicketUpdate
from nps_connect.records.messages import Message


@hookspec
def nps_send_messages(connection: Connection, messages: Sequence[Message]) -> Sequence[Receipt | DeliveryError]:  # type: ignore[empty-body]
    """Carry messages to people: surveys, reminders, review invitations, and the fallback mail to staff.

    Raises:
        RetryLater: surely not sent. OutcomeUnknown: only when the connection was lost after the message was complete.
        Rejected: the address or the message is refused for good.
    """


@hookspec
def nps_write_scores(connection: Connection, updates: Sequence[ScoreUpdate]) -> Sequence[Receipt | DeliveryError]:  # type: ignore[empty-body]
    """Write scores onto contact records. An older answer must not overwrite a newer one.

    Raises:
        DeliveryError: any, for the whole batch.
    """


@hookspec
def nps_write_opt_outs(connection: Connection, opt_outs: Sequence[OptOut]) -> Sequence[Receipt | DeliveryError]:  # type: ignore[empty-body]
    """Tell the CRM of our unsubscribes.

    Raises:
        DeliveryError: any, for the whole batch.
    """


@hookspec
def nps_open_tickets(connection: Connection, drafts: Sequence[TicketDraft]) -> Sequence[Receipt | DeliveryError]:  # type: ignore[empty-body]
    """Open one ticket per draft, with the draft's idempotency key and external id; the receipt's id is the ticket's.

    Raises:
        DeliveryError: any, for the whole batch.
    """


@hookspec
def nps_update_tickets(connection: Connection, updates: Sequence[TicketUpdate]) -> Sequence[Receipt | DeliveryError]:  # type: ignore[empty-body]
    """Tell tickets of a changed score, a late comment, a recovered customer. Never opens a second ticket.

    Raises:
        DeliveryError: any, for the whole batch.
    """


@hookspec
def nps_send_alerts(connection: Connection, alerts: Sequence[Alert]) -> Sequence[Receipt | DeliveryError]:  # type: ignore[empty-body]
    """Tell people of the company, now.

    Raises:
        DeliveryError: any, for the whole batch.
    """


@hookspec
def nps_find_existing(connection: Connection, delivery: DeliveryView) -> Receipt | None:
    """Look whether a in_doubt delivery took effect: a receipt if so, none if it surely did not.

    Raises:
        DeliveryError: any, when the vendor cannot tell now; the delivery stays in_doubt.
    """
