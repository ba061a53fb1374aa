"""Zendesk users as contacts, and look-up of users by address."""

from __future__ import annotations

from typing import Any

from nps_connect import Connection, Contact
from nps_connect_zendesk.api import API_PATH, load_rows
from nps_connect_zendesk.settings import ZendeskSettings

STAFF_ROLES = ("agent", "admin")
USER_ATTRIBUTES = ("role", "external_id", "organization_id", "created_at")
"""Attributes of a user that become fields of the contact, beside the user fields and `tags`."""


def is_same_address(value: object, address: str) -> bool:
    """Return whether a value is another spelling of an address."""
    return isinstance(value, str) and value.strip().casefold() == address.strip().casefold()


def build_contact(connection: Connection[ZendeskSettings], user: dict[str, Any]) -> Contact:
    """Build the contact of a user record.

    Suspended users and users with the opt-out tag count as opted out, inactive users as deleted.
    """
    settings = connection.settings
    scalars = {
        key: value
        for key, value in (user.get("user_fields") or {}).items()
        if value is None or isinstance(value, str | int | float | bool)
    }
    standard_fields = {key: user[key] for key in USER_ATTRIBUTES if key in user}
    tags = user.get("tags") or []
    zone = user.get("iana_time_zone")
    return Contact(
        connection=connection.name,
        id=str(user["id"]),
        email=user.get("email") or None,
        name=user.get("name") or None,
        language=user.get("locale") or None,
        timezone=zone if isinstance(zone, str) and zone else None,
        opted_out=bool(user.get("suspended")) or settings.opt_out_tag in tags,
        deleted=user.get("active") is False,
        link=f"{settings.address}/agent/users/{user['id']}",
        fields={**scalars, **standard_fields, "tags": " ".join(map(str, tags))},
    )


def find_users_by_address(
    connection: Connection[ZendeskSettings], address: str, *, action: str
) -> list[dict[str, Any]]:
    """Return the users with this e-mail address, primary or secondary.

    The search looks in every text of a user, so each hit is compared; hits with another primary address are compared by
    their identities.

    Raises:
        DeliveryError: any.
    """
    response = connection.http.call_json(
        "GET", f"{API_PATH}/users/search", action=action, idempotent=True, params={"query": address}
    )
    hits = [user for user in response.get("users") or [] if user.get("active", True)]
    exact = [user for user in hits if is_same_address(user.get("email"), address)]
    return exact or [user for user in hits[:5] if _has_identity(connection, user, address, action)]


def _has_identity(connection: Connection[ZendeskSettings], user: dict[str, Any], address: str, action: str) -> bool:
    path = f"/users/{int(user['id'])}/identities"
    return any(
        identity.get("type") == "email" and is_same_address(identity.get("value"), address)
        for identity in load_rows(connection, path, "identities", action=action)
    )
