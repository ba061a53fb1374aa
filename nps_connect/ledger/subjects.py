"""Subjects: the text keys under which persons and mailboxes are suppressed, cooled down and counted."""

from __future__ import annotations

import hashlib

from nps_connect.records.base import mailbox_key


def mailbox_hash(email: str) -> str:
    """SHA-256 of the mailbox in its comparable form: recognised later, without keeping the address."""
    return hashlib.sha256(mailbox_key(email).encode()).hexdigest()


def person(contact_id: int) -> str:
    """The subject of a person."""
    return f"c:{contact_id}"


def mailbox(hashed: str) -> str:
    """The subject of a mailbox."""
    return f"m:{hashed}"


def subjects_of(contact_id: int, hashed: str | None) -> list[str]:
    """Person and mailbox, sorted so that everybody locks them in one order."""
    return sorted([person(contact_id), *([mailbox(hashed)] if hashed else [])])
