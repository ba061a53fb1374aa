"""The requester of a new ticket: an existing user, a new one without verification mail, or none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nps_connect import Connection, Contact, NotAllowed, Rejected, TargetGone
from nps_connect_zendesk.api import API_PATH
from nps_connect_zendesk.errors import RequesterRejected
from nps_connect_zendesk.settings import ZendeskSettings
from nps_connect_zendesk.texts import escape_placeholders
from nps_connect_zendesk.users import find_users_by_address

_WITHOUT_REQUESTER = {
    "fr": "Client : {person}. Zendesk ne l'accepte pas comme demandeur (suspendu, ou adresse non valable) : "
    "répondez-lui en dehors de ce ticket.",
    "en": "Customer: {person}. Zendesk does not accept them as requester (suspended, or not a valid address): "
    "reply to them outside this ticket.",
}


@dataclass(frozen=True)
class Requester:
    """The requester fields of a new ticket.

    Attributes:
        fields: the fields of the request; empty without a requester.
    """

    fields: dict[str, Any] = field(default_factory=dict)


NO_REQUESTER = Requester()


def requester_name(contact: Contact) -> str:
    """Return the name of a new user: the contact's name, else the local part of the address."""
    name = escape_placeholders(contact.name or "")
    return name[:200] or (contact.email or "").partition("@")[0] or "?"


def resolve_requester(connection: Connection[ZendeskSettings], contact: Contact, *, action: str) -> Requester:
    """Return the requester for a ticket about this contact.

    An existing user is not changed. A new one is created with ``skip_verify_email``. Without permission to look up or
    create users, the address goes into the ticket itself and Zendesk follows its own settings.

    Raises:
        DeliveryError: Zendesk cannot answer now; nothing was opened.
    """
    if contact.connection == connection.name and contact.id.isdigit():
        return Requester({"requester_id": int(contact.id)})
    if not contact.email or "@" not in contact.email:
        return NO_REQUESTER
    try:
        users = find_users_by_address(connection, contact.email, action=action)
        user = users[0] if users else _create_user(connection, contact, action)
        if user.get("suspended"):
            return NO_REQUESTER
        return Requester({"requester_id": int(user["id"])})
    except RequesterRejected:
        return NO_REQUESTER
    except (NotAllowed, TargetGone, Rejected, KeyError, TypeError, ValueError):
        return Requester({"requester": {"name": requester_name(contact), "email": contact.email}})


def _create_user(connection: Connection[ZendeskSettings], contact: Contact, action: str) -> dict[str, Any]:
    body = {"user": {"email": contact.email, "name": requester_name(contact), "skip_verify_email": True}}
    response = connection.http.call_json(
        "POST", f"{API_PATH}/users/create_or_update", action=action, idempotent=True, json=body
    )
    user: dict[str, Any] = response["user"]
    return user


def body_with_requester(connection: Connection[ZendeskSettings], contact: Contact, body: str) -> str:
    """Return the body of a ticket without requester: it names the customer."""
    person = " ".join(part for part in (contact.name, f"<{contact.email}>" if contact.email else None) if part)
    template = _WITHOUT_REQUESTER.get(connection.default_language[:2], _WITHOUT_REQUESTER["en"])
    return f"{template.format(person=person or contact.id)}\n\n{body}"
