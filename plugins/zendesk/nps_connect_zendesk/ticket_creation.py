"""Creation of tickets: exactly one per draft, and not prevented by a detail.

A person whom Zendesk rejects as requester is named in the body instead; a group, field or agent that it rejects is left
out and noted in the receipt. Each of these bodies has its own idempotency key, so that repeating the same attempts in
the same order always ends at the same ticket.
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
from nps_connect_zendesk.settings import ZendeskSettings
from nps_connect_zendesk.texts import body_of, subject_of, tags_of
from nps_connect_zendesk.ticket_fields import ConfiguredFields, build_ticket_fields
from nps_connect_zendesk.ticket_lookup import build_receipt, find_ticket

ACTION = "open_ticket"
KEY_REUSE_DELAY = timedelta(minutes=10)


def open_ticket(connection: Connection[ZendeskSettings], draft: TicketDraft) -> Receipt:
    """Open the draft's ticket.

    Raises:
        OutcomeUnknown: the ticket may exist; `find_ticket` finds it.
        DeliveryError: any other; no ticket was opened.
    """
    requester = resolve_requester(connection, draft.contact, action=ACTION)
    configured = build_ticket_fields(connection, draft, action=ACTION)
    notes, variant = list(configured.notes), ""
    while True:
        try:
            ticket = _create(connection, draft, requester, configured, variant)
        except RequesterRejected:
            if requester is NO_REQUESTER:
                raise
            requester, variant = NO_REQUESTER, f"{variant} without requester"
        except ValuesRejected as error:
            if not configured.fields:
                raise
            configured, variant = ConfiguredFields(), f"{variant} without extras"
            notes.append(f"opened without the configured fields: {error.message}")
        except IdempotencyKeyReused:
            return _find_opened(connection, draft)
        else:
            if requester is NO_REQUESTER:
                notes.append("opened without requester: the body names the customer")
            return build_receipt(connection, ticket["id"], notes)


def _create(
    connection: Connection[ZendeskSettings],
    draft: TicketDraft,
    requester: Requester,
    configured: ConfiguredFields,
    variant: str,
) -> dict[str, Any]:
    try:
        ticket: dict[str, Any] = connection.http.call_json(
            "POST",
            f"{API_PATH}/tickets",
            action=ACTION,
            idempotent=False,
            content=_request_body(connection, draft, requester, configured),
            headers={"Content-Type": "application/json"},
            idempotency_key=build_idempotency_key(draft.idempotency_key, variant),
        )["ticket"]
    except TargetGone as error:
        raise Rejected(
            f"{error.message}; a new ticket refers to no other object: check subdomain and settings"
        ) from None
    return ticket


def _request_body(
    connection: Connection[ZendeskSettings], draft: TicketDraft, requester: Requester, configured: ConfiguredFields
) -> bytes:
    body = draft.body if requester.fields else body_with_requester(connection, draft.contact, draft.body)
    ticket = {
        "subject": subject_of(draft.subject),
        "comment": {"body": body_of(body), "public": connection.settings.public_comment},
        "priority": draft.priority,
        "tags": tags_of((TICKET_TAG,), draft.tags, connection.settings.tags),
        "external_id": draft.external_id,
        **requester.fields,
        **configured.fields,
    }
    return json.dumps({"ticket": ticket}, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _find_opened(connection: Connection[ZendeskSettings], draft: TicketDraft) -> Receipt:
    receipt = find_ticket(connection, draft.external_id, action=ACTION)
    if receipt is None:
        raise RetryLater(
            "Zendesk has this idempotency key with another body, but no ticket for it", after=KEY_REUSE_DELAY
        )
    return receipt
