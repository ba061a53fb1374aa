"""Who asks for the ticket: a known user, a new one made without a verification mail, or nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nps_connect import Connection, Contact, NotAllowed, Rejected, TargetGone
from nps_connect_zendesk.api import API_PATH
from nps_connect_zendesk.errors import RequesterRejected
from nps_connect_zendesk.texts import escape_placeholders, one_line
from nps_connect_zendesk.users import find_users_by_address

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


NO_REQUESTER = Requester()


def requester_name(contact: Contact) -> str:
    """How a new user is called: by name, else by the part of the address before the at sign."""
    known = one_line(escape_placeholders(contact.name or ""))
    return known[:200] or (contact.email or "").partition("@")[0] or "?"


def resolve_requester(connection: Connection, contact: Contact, *, action: str) -> Requester:
    """The requester for a ticket about this contact.

    A user that is already there is not changed in any way. A new one is made with ``skip_verify_email``. When we may
    not look or make users, the address goes into the ticket itself and Zendesk does what its settings say.

    Raises:
        DeliveryError: when Zendesk cannot tell now; nothing was opened.
    """
    if contact.connection == connection.name and contact.id.isdigit():
        return Requester({"requester_id": int(contact.id)})
    if not contact.email or "@" not in contact.email:
        return NO_REQUESTER
    try:
        known = find_users_by_address(connection, contact.email, action=action)
        user = known[0] if known else _new_user(connection, contact, action)
        if user.get("suspended"):
            return NO_REQUESTER
        return Requester({"requester_id": int(user["id"])})
    except RequesterRejected:
        return NO_REQUESTER
    except (NotAllowed, TargetGone, Rejected, KeyError, TypeError, ValueError):
        return Requester({"requester": {"name": requester_name(contact), "email": contact.email}})


def _new_user(connection: Connection, contact: Contact, action: str) -> dict[str, Any]:
    wanted = {"user": {"email": contact.email, "name": requester_name(contact), "skip_verify_email": True}}
    answer = connection.http.call_json(
        "POST", f"{API_PATH}/users/create_or_update", action=action, idempotent=True, json=wanted
    )
    user: dict[str, Any] = answer["user"]
    return user


def body_with_requester(connection: Connection, contact: Contact, body: str) -> str:
    """The body of a ticket without requester: it says whom it is about."""
    person = " ".join(part for part in (contact.name, f"<{contact.email}>" if contact.email else None) if part)
    words = _WITHOUT_REQUESTER.get(connection.default_language[:2], _WITHOUT_REQUESTER["en"])
    return f"{words.format(person=person or contact.id)}\n\n{body}"
