"""Markers of our own objects in the account: a tag on tickets, prefixes of external ids, comment references."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

TICKET_TAG = "nps_connect"
"""Tag of every ticket that we open. Tickets with it never trigger a survey."""

EXTERNAL_ID_PREFIXES = ("nps-", "nps_")
FOLLOW_UP_PREFIX = "nps-followup-"


def build_idempotency_key(idempotency_key: str, variant: str = "") -> str:
    """Return Zendesk's `Idempotency-Key` (at most 255 characters). Another variant of the body has another key."""
    return "nps-" + hashlib.sha256(f"{idempotency_key}|{variant}".encode()).hexdigest()


def comment_reference(idempotency_key: str) -> str:
    """Return the short reference in a private comment by which an update in doubt is found."""
    return "nps_connect:" + hashlib.sha256(idempotency_key.encode()).hexdigest()[:16]


def follow_up_id(idempotency_key: str) -> str:
    """Return the external id of the ticket that follows up on a closed one."""
    return FOLLOW_UP_PREFIX + hashlib.sha256(idempotency_key.encode()).hexdigest()[:24]


def is_own_ticket(tags: Collection[str], external_id: str | None) -> bool:
    """Return whether we opened the ticket."""
    return TICKET_TAG in tags or (external_id or "").startswith(EXTERNAL_ID_PREFIXES)
