"""Ticket hooks: open and update tickets of detractors, and look up deliveries in doubt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from nps_connect import Connection, DeliveryError, DeliveryView, Receipt, TicketDraft, TicketUpdate, hookimpl
from nps_connect_zendesk.markers import follow_up_id
from nps_connect_zendesk.ticket_creation import open_ticket
from nps_connect_zendesk.ticket_lookup import find_comment, find_ticket
from nps_connect_zendesk.ticket_update import update_ticket

Item = TypeVar("Item")


@hookimpl
def nps_open_tickets(connection: Connection, drafts: Sequence[TicketDraft]) -> Sequence[Receipt | DeliveryError]:
    """Open one ticket per draft, with `Idempotency-Key` and external id; the first comment is private by default."""
    return [_outcome(open_ticket, connection, draft) for draft in drafts]


@hookimpl
def nps_update_tickets(connection: Connection, updates: Sequence[TicketUpdate]) -> Sequence[Receipt | DeliveryError]:
    """Add a private comment to each ticket, with priority and tags; a closed ticket gets a follow-up."""
    return [_outcome(update_ticket, connection, update) for update in updates]


@hookimpl
def nps_find_existing(connection: Connection, delivery: DeliveryView) -> Receipt | None:
    """Look for a ticket by its external id, for an update by its reference in the comments.

    Raises:
        DeliveryError: any, if Zendesk cannot answer now.
    """
    payload = delivery.payload
    if isinstance(payload, TicketDraft):
        return find_ticket(connection, payload.external_id, action="open_ticket")
    if isinstance(payload, TicketUpdate):
        return find_comment(connection, payload) or find_ticket(
            connection, follow_up_id(payload.idempotency_key), action="update_ticket"
        )
    return None


def _outcome(
    deliver: Callable[[Connection, Item], Receipt], connection: Connection, item: Item
) -> Receipt | DeliveryError:
    try:
        return deliver(connection, item)
    except DeliveryError as error:
        return error
