"""Writing of scores to user profiles, as user fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nps_connect import Connection, DeliveryError, Receipt, ScoreUpdate, hookimpl, is_outdated, map_outcomes
from nps_connect_zendesk.settings import ZendeskSettings
from nps_connect_zendesk.texts import value_of
from nps_connect_zendesk.user_fields import (
    build_receipt,
    format_moment,
    load_users,
    require_active,
    write_user_fields,
)
from nps_connect_zendesk.webhooks import parse_moment

ACTION = "write_score"


@hookimpl
def nps_write_scores(
    connection: Connection[ZendeskSettings], updates: Sequence[ScoreUpdate]
) -> Sequence[Receipt | DeliveryError]:
    """Write each score unless a later response is already there: one read for the batch, one write per user.

    Raises:
        DeliveryError: any, if the users cannot be read.
    """
    users = load_users(connection, [update.contact.id for update in updates], action=ACTION)
    return map_outcomes(updates, lambda update: _write_score(connection, update, users.get(update.contact.id)))


def _write_score(connection: Connection[ZendeskSettings], update: ScoreUpdate, user: dict[str, Any] | None) -> Receipt:
    user = require_active(user)
    if _has_later_response(connection, update, user.get("user_fields") or {}):
        return build_receipt(connection, user, "a later response is already there")
    values, key = build_user_fields(connection, update), connection.settings.score_field
    return write_user_fields(connection, user, values, action=ACTION, key=key)


def build_user_fields(connection: Connection[ZendeskSettings], update: ScoreUpdate) -> dict[str, str | int | None]:
    """Return the user fields of a response."""
    settings, response = connection.settings, update.response
    fields: dict[str, str | int | None] = {
        settings.score_field: response.score,
        settings.category_field: response.segment,
        settings.responded_at_field: format_moment(response.answered_at),
        settings.reference_field: f"{format_moment(response.answered_at)} {response.id} {response.revision}",
    }
    if settings.comment_field is not None and update.comment_policy != "none":
        text = response.comment if update.comment_policy == "full" else update.comment_link
        fields[settings.comment_field] = value_of(text) if text else None
    return fields


def _has_later_response(connection: Connection[ZendeskSettings], update: ScoreUpdate, fields: dict[str, Any]) -> bool:
    """Return whether the profile has a later response.

    The reference has milliseconds; Zendesk's date fields hold only the day.
    """
    settings, answered_at = connection.settings, update.response.answered_at
    reference = str(fields.get(settings.reference_field) or "").partition(" ")[0]
    exact = parse_moment(reference) if reference else None
    if exact is not None:
        return is_outdated(answered_at, exact)
    day = parse_moment(str(fields.get(settings.responded_at_field) or ""))
    return day is not None and day.date() > answered_at.date()
