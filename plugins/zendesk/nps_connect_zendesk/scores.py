"""Writing of scores to user profiles, as user fields.

Only the fields are sent: an `email` in an update would add an address to the user, and no user is created for a score.
Zendesk silently ignores fields that the account lacks, so the response is checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from nps_connect import Connection, DeliveryError, NotAllowed, Receipt, ScoreUpdate, TargetGone, hookimpl
from nps_connect_zendesk.api import API_PATH, show_many
from nps_connect_zendesk.texts import value_of
from nps_connect_zendesk.webhooks import parse_moment

ACTION = "write_score"
USER_UPDATE_QUOTA = "user_update"
MAX_BATCH_SIZE = 20


@hookimpl
def nps_write_scores(connection: Connection, updates: Sequence[ScoreUpdate]) -> Sequence[Receipt | DeliveryError]:
    """Write each score unless a later response is already there: one read for the batch, one write per user.

    Raises:
        DeliveryError: any, if the users cannot be read.
    """
    users = {
        str(user["id"]): user
        for response in show_many(connection, "/users", [update.contact.id for update in updates], action=ACTION)
        for user in response.get("users") or []
    }
    return [_outcome(connection, update, users.get(update.contact.id)) for update in updates]


def _outcome(connection: Connection, update: ScoreUpdate, user: dict[str, Any] | None) -> Receipt | DeliveryError:
    try:
        return _write(connection, update, user)
    except DeliveryError as error:
        return error


def _write(connection: Connection, update: ScoreUpdate, user: dict[str, Any] | None) -> Receipt:
    if user is None or user.get("active") is False:
        raise TargetGone("the user no longer exists in Zendesk")
    link = f"{connection.settings.address}/agent/users/{user['id']}"
    if _has_later_response(connection, update, user.get("user_fields") or {}):
        return Receipt(id=str(user["id"]), link=link, note="a later response is already there")
    response = connection.http.call_json(
        "PUT",
        f"{API_PATH}/users/{user['id']}",
        action=ACTION,
        idempotent=True,
        json={"user": {"user_fields": build_user_fields(connection, update)}},
        quota=USER_UPDATE_QUOTA,
    )
    stored = (response.get("user") or {}).get("user_fields")
    if isinstance(stored, dict) and connection.settings.score_field not in stored:
        raise NotAllowed(
            f"Zendesk has no user field {connection.settings.score_field!r}: "
            f"run 'nps-connect connections apply {connection.name}'"
        )
    return Receipt(id=str(user["id"]), link=link)


def own_fields(connection: Connection) -> list[str]:
    """Return the keys of the user fields that a score is written to."""
    settings = connection.settings
    keys = (settings.score_field, settings.category_field, settings.responded_at_field, settings.reference_field)
    return [*keys, *([settings.comment_field] if settings.comment_field is not None else [])]


def build_user_fields(connection: Connection, update: ScoreUpdate) -> dict[str, str | int | None]:
    """Return the user fields of a response."""
    settings, response = connection.settings, update.response
    fields: dict[str, str | int | None] = {
        settings.score_field: response.score,
        settings.category_field: response.segment,
        settings.responded_at_field: _format_moment(response.answered_at),
        settings.reference_field: f"{_format_moment(response.answered_at)} {response.id} {response.revision}",
    }
    if settings.comment_field is not None and update.comment_policy != "none":
        text = response.comment if update.comment_policy == "full" else update.comment_link
        fields[settings.comment_field] = value_of(text) if text else None
    return fields


def _format_moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _has_later_response(connection: Connection, update: ScoreUpdate, fields: dict[str, Any]) -> bool:
    """Return whether the profile has a later response.

    The reference has milliseconds; Zendesk's date fields hold only the day.
    """
    settings, answered_at = connection.settings, update.response.answered_at
    reference = str(fields.get(settings.reference_field) or "").partition(" ")[0]
    exact = parse_moment(reference) if reference else None
    if exact is not None:
        return exact > answered_at.replace(microsecond=answered_at.microsecond // 1000 * 1000)
    day = parse_moment(str(fields.get(settings.responded_at_field) or ""))
    return day is not None and day.date() > answered_at.date()
