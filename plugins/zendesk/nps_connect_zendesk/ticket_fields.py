"""What the settings add to a ticket: group, assignee, brand, form, type, custom fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nps_connect import Connection, ContactResponse, TicketDraft
from nps_connect_zendesk.name_lookup import ResourceKind, lookup_id
from nps_connect_zendesk.settings import NameOrId, numeric
from nps_connect_zendesk.texts import value_of

_ID_FIELDS: tuple[tuple[str, str, ResourceKind], ...] = (
    ("group", "group_id", "groups"),
    ("brand", "brand_id", "brands"),
    ("ticket_form", "ticket_form_id", "ticket_forms"),
)


@dataclass(frozen=True)
class ConfiguredFields:
    """What the settings add.

    Attributes:
        fields: for the ticket's JSON.
        notes: what could not be added, one sentence each.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def build_ticket_fields(connection: Connection, draft: TicketDraft, *, action: str) -> ConfiguredFields:
    """What the settings add to this draft. A name that the account does not have is left out and noted.

    Raises:
        DeliveryError: any, when names must be asked for.
    """
    settings = connection.settings
    fields: dict[str, Any] = {}
    notes: list[str] = []
    for setting, key, kind in _ID_FIELDS:
        wanted = getattr(settings, setting)
        if wanted is None:
            continue
        number = lookup_id(connection, kind, wanted, action=action)
        if number is None:
            notes.append(f"{setting} {wanted!r} is not known at Zendesk")
        else:
            fields[key] = number
    fields |= _assignee(connection, draft)
    if settings.ticket_type is not None:
        fields["type"] = settings.ticket_type
    custom = build_custom_fields(connection, draft, action=action, notes=notes)
    if custom:
        fields["custom_fields"] = custom
    return ConfiguredFields(fields, tuple(notes))


def build_custom_fields(
    connection: Connection, answered: ContactResponse, *, action: str, notes: list[str]
) -> list[dict[str, Any]]:
    """The custom fields that the settings fill, with the values of this answer.

    Raises:
        DeliveryError: any, when titles must be asked for.
    """
    values = _response_values(answered)
    filled = []
    for title, text in connection.settings.custom_fields.items():
        number = lookup_id(connection, "ticket_fields", title, action=action)
        if number is None:
            notes.append(f"ticket field {title!r} is not known at Zendesk")
        else:
            filled.append({"id": number, "value": value_of(text.format_map(values))})
    return filled


def _response_values(answered: ContactResponse) -> dict[str, str]:
    response, contact = answered.response, answered.contact
    deadline = getattr(answered, "deadline", None)
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


def _assignee(connection: Connection, draft: TicketDraft) -> dict[str, Any]:
    settings = connection.settings
    owner = draft.contact.fields.get(settings.owner_field) if settings.owner_field else None
    wanted: NameOrId | None = settings.assignee
    if owner is not None:
        named = str(owner)
        wanted = settings.owners.get(named, named if "@" in named else settings.assignee)
    if wanted is None:
        return {}
    number = numeric(wanted)
    return {"assignee_id": number} if number is not None else {"assignee_email": str(wanted)}
