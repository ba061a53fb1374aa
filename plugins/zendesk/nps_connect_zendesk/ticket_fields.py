"""Ticket fields from the settings: group, assignee, owner, brand, form, type, custom fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nps_connect import Connection, ContactResponse, NotAllowed, Rejected, TargetGone, TicketDraft
from nps_connect_zendesk.name_lookup import ResourceKind, lookup_id
from nps_connect_zendesk.settings import NameOrId, ZendeskSettings, numeric
from nps_connect_zendesk.texts import value_of
from nps_connect_zendesk.users import STAFF_ROLES, find_users_by_address

_ID_FIELDS: tuple[tuple[str, str, ResourceKind], ...] = (
    ("group", "group_id", "groups"),
    ("brand", "brand_id", "brands"),
    ("ticket_form", "ticket_form_id", "ticket_forms"),
)


@dataclass(frozen=True)
class ConfiguredFields:
    """Fields that the settings add to a ticket.

    Attributes:
        fields: part of the ticket's JSON.
        notes: what could not be added, one sentence each.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def build_ticket_fields(
    connection: Connection[ZendeskSettings], draft: TicketDraft, *, action: str
) -> ConfiguredFields:
    """Return what the settings add to this draft. A name that the account does not have is left out and noted.

    Raises:
        DeliveryError: any, if names must be loaded.
    """
    settings = connection.settings
    fields: dict[str, Any] = {}
    notes: list[str] = []
    for setting, key, kind in _ID_FIELDS:
        value = getattr(settings, setting)
        if value is None:
            continue
        number = lookup_id(connection, kind, value, action=action)
        if number is None:
            notes.append(f"Zendesk has no {setting} {value!r}")
        else:
            fields[key] = number
    fields |= _assignee(settings.assignee)
    owner_fields = _owner_fields(connection, draft, action=action, notes=notes)
    if "assignee_id" in owner_fields:
        fields.pop("assignee_email", None)
    fields |= owner_fields
    if settings.ticket_type is not None:
        fields["type"] = settings.ticket_type
    custom = build_custom_fields(connection, draft, action=action, notes=notes)
    if custom:
        fields["custom_fields"] = custom
    return ConfiguredFields(fields, tuple(notes))


def build_custom_fields(
    connection: Connection[ZendeskSettings], item: ContactResponse, *, action: str, notes: list[str]
) -> list[dict[str, Any]]:
    """Return the custom fields of the settings with the values of this response.

    Raises:
        DeliveryError: any, if titles must be loaded.
    """
    values = _response_values(item)
    filled = []
    for title, text in connection.settings.custom_fields.items():
        number = lookup_id(connection, "ticket_fields", title, action=action)
        if number is None:
            notes.append(f"Zendesk has no ticket field {title!r}")
        else:
            filled.append({"id": number, "value": value_of(text.format_map(values))})
    return filled


def _response_values(item: ContactResponse) -> dict[str, str]:
    response, contact = item.response, item.contact
    deadline = getattr(item, "deadline", None)
    return {
        "score": str(response.score),
        "category": response.segment,
        "comment": response.comment or "",
        "survey": response.survey,
        "touchpoint": response.touchpoint,
        "language": response.language,
        "response_id": response.id,
        "answered_at": response.answered_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "deadline": deadline.isoformat(timespec="seconds").replace("+00:00", "Z") if deadline else "",
        "name": contact.name or "",
        "email": contact.email or "",
        "contact_link": contact.link or "",
    }


def _assignee(assignee: NameOrId | None) -> dict[str, Any]:
    if assignee is None:
        return {}
    number = numeric(assignee)
    return {"assignee_id": number} if number is not None else {"assignee_email": str(assignee)}


def _owner_fields(
    connection: Connection[ZendeskSettings], draft: TicketDraft, *, action: str, notes: list[str]
) -> dict[str, Any]:
    """Return the fields by which the contact's owner in the CRM gets the ticket.

    Followers are agents whom the customer does not see; a CC would be visible, and would create a user for an unknown
    address (https://support.zendesk.com/hc/en-us/articles/5179445630234-Understanding-CCs-and-followers,
    https://developer.zendesk.com/documentation/ticketing/managing-tickets/creating-and-updating-tickets/).

    Raises:
        DeliveryError: Zendesk cannot answer now.
    """
    role = connection.settings.owner_role
    if draft.owner is None or role == "none":
        return {}
    try:
        users = find_users_by_address(connection, draft.owner, action=action)
    except (NotAllowed, TargetGone, Rejected) as error:
        notes.append(f"without the contact's owner as {role}: {error.message}")
        return {}
    agent_ids = [user["id"] for user in users if user.get("role") in STAFF_ROLES and not user.get("suspended")]
    if not agent_ids:
        notes.append(f"the contact's owner is no agent in Zendesk, so not the {role} of the ticket")
        return {}
    if role == "assignee":
        return {"assignee_id": int(agent_ids[0])}
    return {"followers": [{"user_id": int(agent_ids[0]), "action": "put"}]}
