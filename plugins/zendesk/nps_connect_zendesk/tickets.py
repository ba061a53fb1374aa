"""Ticket hooks: open and update tickets of detractors, and look up deliveries in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nps_connect import (
    Connection,
    DeliveryError,
    DeliveryView,
    Receipt,
    TicketDraft,
    TicketUpdate,
    hookimpl,
    map_outcomes,
)
from nps_connect_zendesk.markers import follow_up_id
from nps_connect_zendesk.settings import ZendeskSettings
from nps_connect_zendesk.ticket_creation import open_ticket
from nps_connect_zendesk.ticket_lookup import find_comment, find_ticket
from nps_connect_zendesk.ticket_update import update_ticket


@hookimpl
def nps_open_tickets(
    connection: Connection[ZendeskSettings], drafts: Sequence[TicketDraft]
) -> Sequence[Receipt | DeliveryError]:
    """Open one ticket per draft, with `Idempotency-Key` and external id; the first comment is private by default."""
    return map_outcomes(drafts, partial(open_ticket, connection))


@hookimpl
def nps_update_tickets(
    connection: Connection[ZendeskSettings], updates: Sequence[TicketUpdate]
) -> Sequence[Receipt | DeliveryError]:
    """Add a private comment to each ticket, with priority and tags; a closed ticket gets a follow-up."""
    return map_outcomes(updates, partial(update_ticket, connection))


@hookimpl
def nps_find_existing(connection: Connection[ZendeskSettings], delivery: DeliveryView) -> Receipt | None:
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
