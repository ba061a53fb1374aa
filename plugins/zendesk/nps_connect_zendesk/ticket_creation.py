"""Opening a ticket: exactly one, and never none because of a detail.

A person whom Zendesk refuses as requester is named in the body instead; a group, field or agent that it refuses is
left out and noted in the receipt. Each of these bodies has an idempotency key of its own, so that the same tries in the
same order always end at the same ticket.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from nps_connect import Connection, Receipt, Rejected, RetryLater, TargetGone, TicketDraft
from nps_connect_zendesk.api import API_PATH
from nps_connect_zendesk.errors import IdempotencyKeyReused, RequesterRejected, ValuesRejected
from nps_connect_zendesk.markers import TICKET_TAG, build_idempotency_key
from nps_connect_zendesk.requesters import NO_REQUESTER, Requester, body_with_requester, resolve_requester
from nps_connect_zendesk.texts import body_of, subject_of, tags_of
from nps_connect_zendesk.ticket_fields import ConfiguredFields, build_ticket_fields
from nps_connect_zendesk.ticket_lookup import build_receipt, find_ticket

ACTION = "open_ticket"
KEY_REUSE_DELAY = timedelta(minutes=10)


def open_ticket(connection: Connection, draft: TicketDraft) -> Receipt:
    """Open the draft's ticket.

    Raises:
        OutcomeUnknown: the ticket may be there; `find_ticket` tells.
        DeliveryError: any other; no ticket was opened.
    """
    requester = resolve_requester(connection, draft.contact, action=ACTION)
    extras = build_ticket_fields(connection, draft, action=ACTION)
    notes, variant = list(extras.notes), ""
    while True:
        try:
            ticket = _create(connection, draft, requester, extras, variant)
        except RequesterRejected:
            if requester is NO_REQUESTER:
                raise
            requester, variant = NO_REQUESTER, f"{variant} without requester"
        except ValuesRejected as error:
            if not extras.fields:
                raise
            extras, variant = ConfiguredFields(), f"{variant} without extras"
            notes.append(f"opened without the settings' own values: {error.message}")
        except IdempotencyKeyReused:
            return _find_opened(connection, draft)
        else:
            if requester is NO_REQUESTER:
                notes.append("opened without requester: the body names the customer")
            return build_receipt(connection, ticket["id"], notes)


def _create(
    connection: Connection, draft: TicketDraft, requester: Requester, extras: ConfiguredFields, variant: str
) -> dict[str, Any]:
    try:
        answer = connection.http.call_json(
            "POST",
            f"{API_PATH}/tickets",
            action=ACTION,
            idempotent=False,
            content=_request_body(connection, draft, requester, extras),
            headers={"Content-Type": "application/json"},
            idempotency_key=build_idempotency_key(draft.idempotency_key, variant),
        )
    except TargetGone as error:
        raise Rejected(
            f"{error.message}; a new ticket has nothing to be missing: check subdomain and settings"
        ) from None
    ticket: dict[str, Any] = answer["ticket"]
    return ticket


def _request_body(connection: Connection, draft: TicketDraft, requester: Requester, extras: ConfiguredFields) -> bytes:
    body = draft.body if requester.fields else body_with_requester(connection, draft.contact, draft.body)
    ticket = {
        "subject": subject_of(draft.subject),
        "comment": {"body": body_of(body), "public": connection.settings.public_comment},
        "priority": draft.priority,
        "tags": tags_of((TICKET_TAG,), draft.tags, connection.settings.tags),
        "external_id": draft.external_id,
        **requester.fields,
        **extras.fields,
    }
    return json.dumps({"ticket": ticket}, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _find_opened(connection: Connection, draft: TicketDraft) -> Receipt:
    found = find_ticket(connection, draft.external_id, action=ACTION)
    if found is None:
        raise RetryLater(
            "Zendesk knows the idempotency key with another body, but no ticket of it", after=KEY_REUSE_DELAY
        )
    return found
