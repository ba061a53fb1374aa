"""Who asks for the ticket: a known user, a new one made without a verification mail, or nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nps_connect import Connection, Contact, NotAllowed, Rejected, TargetGone
from nps_connect_zendesk.errors import RequesterRefused
from nps_connect_zendesk.people import users_at
from nps_connect_zendesk.rows import API
from nps_connect_zendesk.texts import one_line, without_placeholders

_WITHOUT_REQUESTER = {
    "fr": "Client : {person}. Zendesk ne l'accepte pas comme demandeur (suspendu, ou adresse non valable) : "
    "répondez-lui en dehors de ce ticket.",
    "en": "Customer: {person}. Zendesk does not take them as requester (suspended, or not a valid address): "
    "answer them outside this ticket.",
}


@dataclass(frozen=True)
class Requester:
    """The part of a new ticket that names the requester; empty when nobody can be named."""

    fields: dict[str, Any] = field(default_factory=dict)


NOBODY = Requester()


def name_of(contact: Contact) -> str:
    """How a new user is called: by name, else by the part of the address before the at sign."""
    known = one_line(without_placeholders(contact.name or ""))
    return known[:200] or (contact.email or "").partition("@")[0] or "?"


def requester_for(connection: Connection, contact: Contact, *, action: str) -> Requester:
    """The requester for a ticket about this contact.

    A user that is already there is not changed in any way. A new one is made with ``skip_verify_email``. When we may
    not look or make users, the address goes into the ticket itself and Zendesk does what its settings say.

    Raises:
        DeliveryError: when Zendesk cannot tell now; nothing was opened.
    """
    if contact.connection == connection.name and contact.id.isdigit():
        return Requester({"requester_id": int(contact.id)})
    if not contact.email or "@" not in contact.email:
        return NOBODY
    try:
        known = users_at(connection, contact.email, action=action)
        user = known[0] if known else _new_user(connection, contact, action)
        if user.get("suspended"):
            return NOBODY
        return Requester({"requester_id": int(user["id"])})
    except RequesterRefused:
        return NOBODY
    except (NotAllowed, TargetGone, Rejected, KeyError, TypeError, ValueError):
        return Requester({"requester": {"name": name_of(contact), "email": contact.email}})


def _new_user(connection: Connection, contact: Contact, action: str) -> dict[str, Any]:
    wanted = {"user": {"email": contact.email, "name": name_of(contact), "skip_verify_email": True}}
    answer = connection.http.call_json(
        "POST", f"{API}/users/create_or_update", action=action, idempotent=True, json=wanted
    )
    user: dict[str, Any] = answer["user"]
    return user


def told_in_body(connection: Connection, contact: Contact, body: str) -> str:
    """The body of a ticket without requester: it says whom it is about."""
    person = " ".join(part for part in (contact.name, f"<{contact.email}>" if contact.email else None) if part)
    words = _WITHOUT_REQUESTER.get(connection.default_language[:2], _WITHOUT_REQUESTER["en"])
    return f"{words.format(person=person or contact.id)}\n\n{body}"
