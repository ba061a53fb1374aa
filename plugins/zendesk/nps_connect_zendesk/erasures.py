"""Erasure of what we have written about a person: our user fields are emptied.

The user and their tickets stay: people decide about these in Zendesk.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from nps_connect import Connection, ContactErasure, DeliveryError, Receipt, TargetGone, hookimpl, map_outcomes
from nps_connect_zendesk.api import API_PATH, show_many
from nps_connect_zendesk.settings import ZendeskSettings
from nps_connect_zendesk.user_fields import USER_UPDATE_QUOTA, own_fields
from nps_connect_zendesk.users import find_users_by_address

ACTION = "erase_contact"


@hookimpl
def nps_erase_contacts(
    connection: Connection[ZendeskSettings], erasures: Sequence[ContactErasure]
) -> Sequence[Receipt | DeliveryError]:
    """Empty our user fields of each person's users."""
    return map_outcomes(erasures, partial(_erase, connection))


def _erase(connection: Connection[ZendeskSettings], erasure: ContactErasure) -> Receipt:
    users = {user["id"]: user for user in _load_users(connection, erasure) if user.get("active") is not False}
    if not users:
        raise TargetGone("Zendesk does not know this person, or has deleted them")
    count = 0
    for user_id, user in users.items():
        stored = user.get("user_fields") or {}
        filled = [key for key in own_fields(connection) if stored.get(key) not in (None, "")]
        if filled:
            connection.http.call(
                "PUT",
                f"{API_PATH}/users/{user_id}",
                action=ACTION,
                idempotent=True,
                json={"user": {"user_fields": dict.fromkeys(filled)}},
                quota=USER_UPDATE_QUOTA,
            )
        count += len(filled)
    first = min(users)
    note = f"emptied {count} user fields; the user and their tickets stay until they are deleted in Zendesk"
    return Receipt(id=str(first), link=f"{connection.settings.address}/agent/users/{first}", note=note)


def _load_users(connection: Connection[ZendeskSettings], erasure: ContactErasure) -> list[dict[str, Any]]:
    responses = show_many(connection, "/users", erasure.contact_ids, action=ACTION)
    users = [user for response in responses for user in response.get("users") or []]
    for email in erasure.emails:
        users += find_users_by_address(connection, email, action=ACTION)
    return users
