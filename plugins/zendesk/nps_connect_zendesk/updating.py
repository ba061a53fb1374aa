"""Telling an existing ticket what changed.

A closed ticket cannot be changed: a follow-up is linked to it, once, if the customer is unhappy. Good news about a
closed ticket open no new one.
"""

from __future__ import annotations

import json
from typing import Any

from nps_connect import Connection, Receipt, TicketUpdate
from nps_connect_zendesk.errors import ValuesRefused
from nps_connect_zendesk.extras import custom_fields
from nps_connect_zendesk.finding import chain, receipt_for, show
from nps_connect_zendesk.marks import OWN_TAG, follow_up_id, key_for, reference_of
from nps_connect_zendesk.rows import API
from nps_connect_zendesk.texts import body_of, subject_of, tags_of

ACTION = "update_ticket"
QUOTA = "ticket_update"


def update_ticket(connection: Connection, update: TicketUpdate) -> Receipt:
    """Add a private comment; priority and custom fields follow, tags are added, an unhappy customer's ticket reopens.

    Raises:
        Doubtful: the comment may be there; `find_comment` tells.
        TargetGone: the ticket was deleted.
        DeliveryError: any other.
    """
    *_, ticket = chain(connection, update.ticket_id)
    if ticket["status"] == "closed":
        return _about_closed(connection, update, ticket)
    try:
        return _change(connection, update, ticket)
    except ValuesRefused:
        if show(connection, ticket["id"])["status"] != "closed":
            raise
        return _about_closed(connection, update, ticket)


def _about_closed(connection: Connection, update: TicketUpdate, closed: dict[str, Any]) -> Receipt:
    if update.response.segment == "detractor":
        return _follow_up(connection, update, closed)
    return receipt_for(connection, closed["id"], ("the ticket is closed: the better score was not added to it",))


def _change(connection: Connection, update: TicketUpdate, ticket: dict[str, Any]) -> Receipt:
    path = f"{API}/tickets/{ticket['id']}"
    missing = [tag for tag in tags_of((OWN_TAG,), update.tags) if tag not in (ticket.get("tags") or [])]
    if missing:
        connection.http.call("PUT", f"{path}/tags", action=ACTION, idempotent=True, json={"tags": missing}, quota=QUOTA)
    notes: list[str] = []
    change: dict[str, Any] = {"comment": _comment(update), "priority": update.priority}
    if ticket["status"] == "solved" and update.response.segment == "detractor":
        change["status"] = "open"
        notes.append("the ticket was solved and is open again")
    custom = custom_fields(connection, update, action=ACTION, notes=notes)
    if custom:
        change["custom_fields"] = custom
    connection.http.call("PUT", path, action=ACTION, idempotent=False, json={"ticket": change}, quota=QUOTA)
    return receipt_for(connection, ticket["id"], notes)


def _comment(update: TicketUpdate) -> dict[str, Any]:
    return {"body": f"{body_of(update.body)}\n\n{reference_of(update.idempotency_key)}", "public": False}


def _follow_up(connection: Connection, update: TicketUpdate, closed: dict[str, Any]) -> Receipt:
    external_id = follow_up_id(update.idempotency_key)
    notes = (f"ticket {closed['id']} is closed; this one follows up on it",)
    ticket = {
        "subject": subject_of(str(closed.get("subject") or update.response.survey)),
        "comment": _comment(update),
        "priority": update.priority,
        "tags": tags_of((OWN_TAG,), update.tags, tuple(connection.settings.tags)),
        "external_id": external_id,
        "requester_id": closed.get("requester_id"),
        "via_followup_source_id": closed["id"],
    }
    answer = connection.http.call_json(
        "POST",
        f"{API}/tickets",
        action=ACTION,
        idempotent=False,
        content=json.dumps({"ticket": ticket}, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(),
        headers={"Content-Type": "application/json"},
        idempotency_key=key_for(update.idempotency_key, "follow-up"),
    )
    return receipt_for(connection, answer["ticket"]["id"], notes)
