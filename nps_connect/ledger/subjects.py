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


def vendor_id(connection: str, value: str) -> str:
    """The subject of a vendor's id, before or without a contact of that id; it tells nothing of the id itself."""
    return f"v:{hashlib.sha256(f'{connection}:{value}'.encode()).hexdigest()}"


def subject_of_key(connection: str, kind: str, value: str) -> str | None:
    """The subject that a contact key names; none for a key that names an object, such as a deal."""
    if kind == "email":
        return mailbox(mailbox_hash(value))
    return vendor_id(connection, value) if kind == "id" else None


def subjects_of(contact_id: int, hashed: str | None) -> list[str]:
    """Person and mailbox, sorted so that everybody locks them in one order."""
    return sorted([person(contact_id), *([mailbox(hashed)] if hashed else [])])
