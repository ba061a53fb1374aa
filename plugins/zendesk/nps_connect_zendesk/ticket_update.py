"""Updates of existing tickets after a changed response.

A closed ticket cannot be changed: a follow-up is linked to it, once, if the customer is a detractor. A better score for
a closed ticket opens no new one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nps_connect import Connection, Receipt, TicketUpdate
from nps_connect_zendesk.api import API_PATH
from nps_connect_zendesk.errors import ValuesRejected
from nps_connect_zendesk.markers import TICKET_TAG, build_idempotency_key, comment_reference, follow_up_id
from nps_connect_zendesk.settings import ZendeskSettings
from nps_connect_zendesk.texts import body_of, subject_of, tags_of
from nps_connect_zendesk.ticket_fields import build_custom_fields
from nps_connect_zendesk.ticket_lookup import build_receipt, follow_up_chain, load_ticket

ACTION = "update_ticket"
TICKET_UPDATE_QUOTA = "ticket_update"


def update_ticket(connection: Connection[ZendeskSettings], update: TicketUpdate) -> Receipt:
    """Add a private comment; set priority, custom fields, state and assignee, add tags.

    The solved ticket of a detractor who responded again is reopened.

    Raises:
        OutcomeUnknown: the comment may exist; `find_comment` finds it.
        TargetGone: the ticket was deleted.
        DeliveryError: any other.
    """
    *_, ticket = follow_up_chain(connection, update.ticket_id)
    if ticket["status"] == "closed":
        return _update_closed(connection, update, ticket)
    try:
        return _apply_update(connection, update, ticket)
    except ValuesRejected:
        if load_ticket(connection, ticket["id"])["status"] == "closed":
            return _update_closed(connection, update, ticket)
        if update.state is None:
            raise
        state = "solved" if ticket["status"] == "solved" else "open"
        comment_only = update.model_copy(update={"state": state, "assignee": None})
        return _apply_update(connection, comment_only, ticket, notes=["Zendesk refused its new state or assignee"])


def _update_closed(connection: Connection[ZendeskSettings], update: TicketUpdate, closed: dict[str, Any]) -> Receipt:
    if update.response.segment == "detractor" and update.state != "solved":
        return _follow_up(connection, update, closed)
    return build_receipt(connection, closed["id"], ("the ticket is closed: the change was not added to it",))


def _apply_update(
    connection: Connection[ZendeskSettings], update: TicketUpdate, ticket: dict[str, Any], notes: Sequence[str] = ()
) -> Receipt:
    path = f"{API_PATH}/tickets/{ticket['id']}"
    missing = [tag for tag in tags_of((TICKET_TAG,), update.tags) if tag not in (ticket.get("tags") or [])]
    if missing:
        connection.http.call(
            "PUT", f"{path}/tags", action=ACTION, idempotent=True, json={"tags": missing}, quota=TICKET_UPDATE_QUOTA
        )
    notes = list(notes)
    change: dict[str, Any] = {"comment": _comment(update), "priority": update.priority}
    is_solved = ticket["status"] == "solved"
    if update.assignee is not None:
        change["assignee_email"] = update.assignee
    if update.state == "solved" and not is_solved:
        change["status"] = "solved"
    elif is_solved and (update.state == "open" or (update.state is None and update.response.segment == "detractor")):
        change["status"] = "open"
        notes.append("the ticket was solved and is open again")
    custom = build_custom_fields(connection, update, action=ACTION, notes=notes)
    if custom:
        change["custom_fields"] = custom
    connection.http.call(
        "PUT", path, action=ACTION, idempotent=False, json={"ticket": change}, quota=TICKET_UPDATE_QUOTA
    )
    return build_receipt(connection, ticket["id"], notes)


def _comment(update: TicketUpdate) -> dict[str, Any]:
    return {"body": f"{body_of(update.body)}\n\n{comment_reference(update.idempotency_key)}", "public": False}


def _follow_up(connection: Connection[ZendeskSettings], update: TicketUpdate, closed: dict[str, Any]) -> Receipt:
    external_id = follow_up_id(update.idempotency_key)
    notes = (f"ticket {closed['id']} is closed; this one follows up on it",)
    ticket = {
        "subject": subject_of(str(closed.get("subject") or update.response.survey)),
        "comment": _comment(update),
        "priority": update.priority,
        "tags": tags_of((TICKET_TAG,), update.tags, tuple(connection.settings.tags)),
        "external_id": external_id,
        "requester_id": closed.get("requester_id"),
        "via_followup_source_id": closed["id"],
    }
    response = connection.http.call_json(
        "POST",
        f"{API_PATH}/tickets",
        action=ACTION,
        idempotent=False,
        content=json.dumps({"ticket": ticket}, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(),
        headers={"Content-Type": "application/json"},
        idempotency_key=build_idempotency_key(update.idempotency_key, "follow-up"),
    )
    return build_receipt(connection, response["ticket"]["id"], notes)
