"""Look-up of existing objects: tickets by external id, updates by their reference in the comments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from nps_connect import Connection, Receipt, TargetGone, TicketUpdate
from nps_connect_zendesk.api import API_PATH, PAGE_SIZE, load_rows
from nps_connect_zendesk.markers import comment_reference, is_own_ticket
from nps_connect_zendesk.settings import ZendeskSettings

UPDATE_ACTION = "update_ticket"
MAX_CHAIN_LENGTH = 6


def build_receipt(connection: Connection[ZendeskSettings], ticket_id: int | str, notes: Sequence[str] = ()) -> Receipt:
    """Return a receipt with the ticket's address for agents."""
    return Receipt(
        id=str(ticket_id),
        link=f"{connection.settings.address}/agent/tickets/{ticket_id}",
        note="; ".join(dict.fromkeys(notes)) or None,
    )


def find_ticket(connection: Connection[ZendeskSettings], external_id: str, *, action: str) -> Receipt | None:
    """Return the receipt of the first ticket with this external id, or None.

    It reads the list of tickets and not the search, because the search index lags.

    Raises:
        DeliveryError: any.
    """
    response = connection.http.call_json(
        "GET", f"{API_PATH}/tickets", action=action, idempotent=True, params={"external_id": external_id}
    )
    ids = [
        int(ticket["id"])
        for ticket in response.get("tickets") or []
        if ticket.get("external_id") == external_id and ticket.get("status") != "deleted"
    ]
    return build_receipt(connection, min(ids)) if ids else None


def load_ticket(connection: Connection[ZendeskSettings], ticket_id: int | str) -> dict[str, Any]:
    """Return one ticket.

    Raises:
        TargetGone: it was deleted.
        DeliveryError: any other.
    """
    ticket: dict[str, Any] = connection.http.call_json(
        "GET", f"{API_PATH}/tickets/{ticket_id}", action=UPDATE_ACTION, idempotent=True
    )["ticket"]
    if ticket.get("status") == "deleted":
        raise TargetGone("the ticket was deleted")
    return ticket


def follow_up_chain(connection: Connection[ZendeskSettings], ticket_id: str) -> Iterator[dict[str, Any]]:
    """Yield the ticket, our follow-up on it if it is closed, and so on; the last one is the current ticket.

    Raises:
        DeliveryError: any.
    """
    ticket: dict[str, Any] | None = load_ticket(connection, ticket_id)
    for _ in range(MAX_CHAIN_LENGTH):
        if ticket is None:
            return
        yield ticket
        ticket = _own_follow_up(connection, ticket) if ticket["status"] == "closed" else None


def _own_follow_up(connection: Connection[ZendeskSettings], closed: dict[str, Any]) -> dict[str, Any] | None:
    for number in sorted(closed.get("followup_ids") or [], reverse=True):
        try:
            follow_up = load_ticket(connection, number)
        except TargetGone:
            continue
        if is_own_ticket(follow_up.get("tags") or [], follow_up.get("external_id")):
            return follow_up
    return None


def find_comment(connection: Connection[ZendeskSettings], update: TicketUpdate) -> Receipt | None:
    """Return the receipt of the ticket of the chain whose newest comments contain the update's reference, or None.

    Raises:
        DeliveryError: any, except for a missing ticket: then the update does not exist.
    """
    reference = comment_reference(update.idempotency_key)
    with suppress(TargetGone):
        for ticket in follow_up_chain(connection, update.ticket_id):
            path, params = f"/tickets/{ticket['id']}/comments", {"sort": "-created_at"}
            comments = load_rows(connection, path, "comments", action=UPDATE_ACTION, params=params)
            if any(reference in str(comment.get("body", "")) for comment in islice(comments, 2 * PAGE_SIZE)):
                return build_receipt(connection, ticket["id"])
    return None
