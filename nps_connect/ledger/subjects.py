"""Subjects: text keys of contacts and mailboxes for suppressions, cooldowns and counting."""

from __future__ import annotations

import hashlib

from nps_connect.records.base import mailbox_key


def mailbox_hash(email: str) -> str:
    """Return the SHA-256 of the normalised mailbox, which identifies it without storing the address."""
    return hashlib.sha256(mailbox_key(email).encode()).hexdigest()


def person_subject(contact_id: int) -> str:
    """Return the subject of a contact."""
    return f"c:{contact_id}"


def mailbox_subject(hashed: str) -> str:
    """Return the subject of a mailbox, from its hash."""
    return f"m:{hashed}"


def vendor_id_subject(connection: str, value: str) -> str:
    """Return the subject of a vendor id, for events whose contact does not exist yet; the id itself is hashed."""
    return f"v:{hashlib.sha256(f'{connection}:{value}'.encode()).hexdigest()}"


def contact_key_subject(connection: str, kind: str, value: str) -> str | None:
    """Return the subject that a contact key names; None for a key of an object, such as a deal."""
    if kind == "email":
        return mailbox_subject(mailbox_hash(value))
    return vendor_id_subject(connection, value) if kind == "id" else None


def contact_subjects(contact_id: int, hashed: str | None) -> list[str]:
    """Return the subjects of contact and mailbox, sorted: everybody locks them in one order."""
    return sorted([person_subject(contact_id), *([mailbox_subject(hashed)] if hashed else [])])
