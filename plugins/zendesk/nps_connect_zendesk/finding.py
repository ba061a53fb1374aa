"""Finding what is already there: tickets by external id, updates by their mark in the comments."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from nps_connect import Connection, Receipt, TargetGone, TicketUpdate
from nps_connect_zendesk.marks import reference_of
from nps_connect_zendesk.rows import API, PAGE, rows


def receipt_for(connection: Connection, ticket_id: int | str, notes: Sequence[str] = ()) -> Receipt:
    """A receipt with the ticket's address for agents."""
    return Receipt(
        id=str(ticket_id),
        link=f"{connection.settings.address}/agent/tickets/{ticket_id}",
        note="; ".join(dict.fromkeys(notes)) or None,
    )


def find_ticket(connection: Connection, external_id: str, *, action: str) -> Receipt | None:
    """The first ticket with this external id, or none.

    The list of tickets is asked, not the search: the search lags behind.

    Raises:
        DeliveryError: any.
    """
    answer = connection.http.call_json(
        "GET", f"{API}/tickets", action=action, idempotent=True, params={"external_id": external_id}
    )
    ids = [
        int(ticket["id"])
        for ticket in answer.get("tickets") or []
        if ticket.get("external_id") == external_id and ticket.get("status") != "deleted"
    ]
    return receipt_for(connection, min(ids)) if ids else None


def find_comment(connection: Connection, update: TicketUpdate) -> Receipt | None:
    """The ticket, if one of its newest comments carries the update's mark.

    Raises:
        DeliveryError: any but a ticket that is gone: then the update surely is not there.
    """
    mark = reference_of(update.idempotency_key)
    path = f"/tickets/{update.ticket_id}/comments"
    try:
        comments = rows(connection, path, "comments", action="update_ticket", params={"sort": "-created_at"})
        found = any(mark in str(comment.get("body", "")) for comment in islice(comments, 2 * PAGE))
    except TargetGone:
        return None
    return receipt_for(connection, update.ticket_id) if found else None
