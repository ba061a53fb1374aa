"""Reading users and writing their user fields, for scores and outcomes of cases.

Only the fields are sent: an `email` in an update would add an address to the user, and no user is created. Zendesk
silently ignores fields that the account lacks, so the response is checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from nps_connect import Connection, Receipt, SetupMissing, TargetGone
from nps_connect_zendesk.api import API_PATH, show_many
from nps_connect_zendesk.settings import ZendeskSettings

USER_UPDATE_QUOTA = "user_update"
MAX_BATCH_SIZE = 20

UserFieldValues = Mapping[str, str | int | None]


def own_fields(connection: Connection[ZendeskSettings]) -> list[str]:
    """Return the keys of the user fields that we write."""
    settings = connection.settings
    keys = [settings.score_field, settings.category_field, settings.responded_at_field, settings.reference_field]
    keys += [settings.case_state_field, settings.case_changed_at_field, settings.case_handled_by_field]
    return [*keys, settings.case_reference_field, *([settings.comment_field] if settings.comment_field else [])]


def load_users(
    connection: Connection[ZendeskSettings], user_ids: Sequence[str], *, action: str
) -> dict[str, dict[str, Any]]:
    """Return users by id; unknown ones are left out.

    Raises:
        DeliveryError: any.
    """
    return {
        str(user["id"]): user
        for response in show_many(connection, "/users", user_ids, action=action)
        for user in response.get("users") or []
    }


def require_active(user: dict[str, Any] | None) -> dict[str, Any]:
    """Return the user.

    Raises:
        TargetGone: there is none, or it was deleted.
    """
    if user is None or user.get("active") is False:
        raise TargetGone("the user no longer exists in Zendesk")
    return user


def build_receipt(connection: Connection[ZendeskSettings], user: Mapping[str, Any], note: str | None = None) -> Receipt:
    """Return the receipt of a write to a user's profile."""
    link = f"{connection.settings.address}/agent/users/{user['id']}"
    return Receipt(id=str(user["id"]), link=link, note=note)


def write_user_fields(
    connection: Connection[ZendeskSettings], user: Mapping[str, Any], values: UserFieldValues, *, action: str, key: str
) -> Receipt:
    """Write user fields; `key` is one that every account must have.

    Raises:
        SetupMissing: the account lacks the user field.
        DeliveryError: any other.
    """
    response = connection.http.call_json(
        "PUT",
        f"{API_PATH}/users/{user['id']}",
        action=action,
        idempotent=True,
        json={"user": {"user_fields": dict(values)}},
        quota=USER_UPDATE_QUOTA,
    )
    stored = (response.get("user") or {}).get("user_fields")
    if isinstance(stored, dict) and key not in stored:
        raise SetupMissing(
            f"Zendesk has no user field {key!r}: run 'nps-connect connections apply {connection.name}'",
        )
    return build_receipt(connection, user)


def format_moment(moment: datetime) -> str:
    """Return ISO 8601 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
