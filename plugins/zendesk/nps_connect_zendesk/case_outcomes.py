"""Writing of what has become of detractors to user profiles, as user fields: the newest case of a user."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from nps_connect import CaseOutcome, Connection, DeliveryError, Receipt, hookimpl, is_outdated, map_outcomes
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

ACTION = "write_case_outcome"


@hookimpl
def nps_write_case_outcomes(
    connection: Connection[ZendeskSettings], outcomes: Sequence[CaseOutcome]
) -> Sequence[Receipt | DeliveryError]:
    """Write each outcome unless a newer one is already there: one read for the batch, one write per user.

    Raises:
        DeliveryError: any, if the users cannot be read.
    """
    users = load_users(connection, [outcome.contact.id for outcome in outcomes], action=ACTION)
    return map_outcomes(outcomes, lambda outcome: _write_outcome(connection, outcome, users.get(outcome.contact.id)))


def build_case_fields(connection: Connection[ZendeskSettings], outcome: CaseOutcome) -> dict[str, str | int | None]:
    """Return the user fields of an outcome."""
    settings = connection.settings
    reference = f"{format_moment(outcome.opened_at)} {outcome.response.id} {outcome.revision}"
    return {
        settings.case_state_field: outcome.state,
        settings.case_changed_at_field: format_moment(outcome.changed_at),
        settings.case_handled_by_field: value_of(outcome.handled_by) if outcome.handled_by else None,
        settings.case_reference_field: reference,
    }


def _write_outcome(
    connection: Connection[ZendeskSettings], outcome: CaseOutcome, user: dict[str, Any] | None
) -> Receipt:
    user = require_active(user)
    reference = str((user.get("user_fields") or {}).get(connection.settings.case_reference_field) or "")
    if _has_newer_case(reference, outcome):
        return build_receipt(connection, user, "a newer state or case is already there")
    values = build_case_fields(connection, outcome)
    receipt = write_user_fields(connection, user, values, action=ACTION, key=connection.settings.case_state_field)
    user.setdefault("user_fields", {}).update(values)  # a later item of the batch may be about the same user
    return receipt


def _parse_reference(text: str) -> tuple[datetime, int] | None:
    """Return when the stored case was opened, and its revision; None if there is none or it was edited."""
    parts = text.split()
    opened_at = parse_moment(parts[0]) if len(parts) == 3 else None
    return (opened_at, int(parts[2])) if opened_at is not None and parts[2].isdigit() else None


def _has_newer_case(reference: str, outcome: CaseOutcome) -> bool:
    opened_at, revision = _parse_reference(reference) or (None, 0)
    return is_outdated(outcome.opened_at, opened_at, revision=outcome.revision, stored_revision=revision)
