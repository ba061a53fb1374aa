"""What we leave in the account so that we know our own: a tag on tickets, prefixes of external ids, references."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

TICKET_TAG = "nps_connect"
"""On every ticket that we open. Tickets with it never lead to a survey."""

EXTERNAL_ID_PREFIXES = ("nps-", "nps_")
FOLLOW_UP_PREFIX = "nps-followup-"


def build_idempotency_key(idempotency_key: str, variant: str = "") -> str:
    """The `Idempotency-Key` for Zendesk (255 characters at most). Another variant of the body is another key."""
    return "nps-" + hashlib.sha256(f"{idempotency_key}|{variant}".encode()).hexdigest()


def comment_reference(idempotency_key: str) -> str:
    """A short mark in a private comment, by which a in_doubt update is found again."""
    return "nps_connect:" + hashlib.sha256(idempotency_key.encode()).hexdigest()[:16]


def follow_up_id(idempotency_key: str) -> str:
    """External id of the ticket that follows up on a closed one."""
    return FOLLOW_UP_PREFIX + hashlib.sha256(idempotency_key.encode()).hexdigest()[:24]


def is_own_ticket(tags: Collection[str], external_id: str | None) -> bool:
    """Whether we opened the ticket."""
    return TICKET_TAG in tags or (external_id or "").startswith(EXTERNAL_ID_PREFIXES)
