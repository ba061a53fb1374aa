"""Subjects: the text keys under which persons and mailboxes are suppressed, cooled down and counted."""

from __future__ import annotations

import hashlib

from nps_connect.records.base import mailbox_key


def mailbox_hash(email: str) -> str:
    """SHA-256 of the mailbox in its comparable form: recognised later, without keeping the address."""
    return hashlib.sha256(mailbox_key(email).encode()).hexdigest()


def person_subject(contact_id: int) -> str:
    """The subject of a person."""
    return f"c:{contact_id}"


def mailbox_subject(hashed: str) -> str:
    """The subject of a mailbox."""
    return f"m:{hashed}"


def vendor_id_subject(connection: str, value: str) -> str:
    """The subject of a vendor's id, before or without a contact of that id; it tells nothing of the id itself."""
    return f"v:{hashlib.sha256(f'{connection}:{value}'.encode()).hexdigest()}"


def contact_key_subject(connection: str, kind: str, value: str) -> str | None:
    """The subject that a contact key names; none for a key that names an object, such as a deal."""
    if kind == "email":
        return mailbox_subject(mailbox_hash(value))
    return vendor_id_subject(connection, value) if kind == "id" else None


def contact_subjects(contact_id: int, hashed: str | None) -> list[str]:
    """Person and mailbox, sorted so that everybody locks them in one order."""
    return sorted([person_subject(contact_id), *([mailbox_subject(hashed)] if hashed else [])])
