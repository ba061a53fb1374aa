"""Zendesk users as contacts, and finding them by address."""

from __future__ import annotations

from typing import Any

from nps_connect import Connection, Contact
from nps_connect_zendesk.api import API_PATH, load_rows

STAFF_ROLES = ("agent", "admin")


def is_same_address(one: object, other: str) -> bool:
    """Whether two spellings mean one mailbox."""
    return isinstance(one, str) and one.strip().casefold() == other.strip().casefold()


def build_contact(connection: Connection, user: dict[str, Any]) -> Contact:
    """A user record as a contact.

    Suspended users and users with the opt-out tag count as opted out; inactive users are deleted ones.
    """
    settings = connection.settings
    scalars = {
        key: value
        for key, value in (user.get("user_fields") or {}).items()
        if value is None or isinstance(value, str | int | float | bool)
    }
    known = {key: user[key] for key in ("role", "external_id", "organization_id", "created_at") if key in user}
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
        fields={**scalars, **known, "tags": " ".join(map(str, tags))},
    )


def find_users_by_address(connection: Connection, address: str, *, action: str) -> list[dict[str, Any]]:
    """The users who have this e-mail address, as primary or as further one.

    The search looks through every text of a user, so each hit is compared; a hit with another primary address is asked
    for its identities.

    Raises:
        DeliveryError: any.
    """
    answer = connection.http.call_json(
        "GET", f"{API_PATH}/users/search", action=action, idempotent=True, params={"query": address}
    )
    found = [user for user in answer.get("users") or [] if user.get("active", True)]
    exact = [user for user in found if is_same_address(user.get("email"), address)]
    return exact or [user for user in found[:5] if _has_identity(connection, user, address, action)]


def _has_identity(connection: Connection, user: dict[str, Any], address: str, action: str) -> bool:
    path = f"/users/{int(user['id'])}/identities"
    return any(
        identity.get("type") == "email" and is_same_address(identity.get("value"), address)
        for identity in load_rows(connection, path, "identities", action=action)
    )
