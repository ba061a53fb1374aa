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
from nps_connect_zendesk.errors import KeyReused, RequesterRefused, ValuesRefused
from nps_connect_zendesk.extras import Extras, extras_for
from nps_connect_zendesk.finding import find_ticket, receipt_for
from nps_connect_zendesk.marks import OWN_TAG, key_for
from nps_connect_zendesk.requesters import NOBODY, Requester, requester_for, told_in_body
from nps_connect_zendesk.rows import API
from nps_connect_zendesk.texts import body_of, subject_of, tags_of

ACTION = "open_ticket"
KEY_PAUSE = timedelta(minutes=10)


def open_ticket(connection: Connection, draft: TicketDraft) -> Receipt:
    """Open the draft's ticket.

    Raises:
        Doubtful: the ticket may be there; `find_ticket` tells.
        DeliveryError: any other; no ticket was opened.
    """
    requester = requester_for(connection, draft.contact, action=ACTION)
    extras = extras_for(connection, draft, action=ACTION)
    notes, variant = list(extras.notes), ""
    while True:
        try:
            ticket = _create(connection, draft, requester, extras, variant)
        except RequesterRefused:
            if requester is NOBODY:
                raise
            requester, variant = NOBODY, f"{variant} without requester"
        except ValuesRefused as error:
            if not extras.fields:
                raise
            extras, variant = Extras(), f"{variant} without extras"
            notes.append(f"opened without the settings' own values: {error.message}")
        except KeyReused:
            return _opened_before(connection, draft)
        else:
            if requester is NOBODY:
                notes.append("opened without requester: the body names the customer")
            return receipt_for(connection, ticket["id"], notes)


def _create(
    connection: Connection, draft: TicketDraft, requester: Requester, extras: Extras, variant: str
) -> dict[str, Any]:
    try:
        answer = connection.http.call_json(
            "POST",
            f"{API}/tickets",
            action=ACTION,
            idempotent=False,
            content=_bytes(connection, draft, requester, extras),
            headers={"Content-Type": "application/json"},
            idempotency_key=key_for(draft.idempotency_key, variant),
        )
    except TargetGone as error:
        raise Rejected(
            f"{error.message}; a new ticket has nothing to be missing: check subdomain and settings"
        ) from None
    ticket: dict[str, Any] = answer["ticket"]
    return ticket


def _bytes(connection: Connection, draft: TicketDraft, requester: Requester, extras: Extras) -> bytes:
    body = draft.body if requester.fields else told_in_body(connection, draft.contact, draft.body)
    ticket = {
        "subject": subject_of(draft.subject),
        "comment": {"body": body_of(body), "public": connection.settings.public_comment},
        "priority": draft.priority,
        "tags": tags_of((OWN_TAG,), draft.tags, connection.settings.tags),
        "external_id": draft.external_id,
        **requester.fields,
        **extras.fields,
    }
    return json.dumps({"ticket": ticket}, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _opened_before(connection: Connection, draft: TicketDraft) -> Receipt:
    found = find_ticket(connection, draft.external_id, action=ACTION)
    if found is None:
        raise RetryLater("Zendesk knows the idempotency key with another body, but no ticket of it", after=KEY_PAUSE)
    return found
