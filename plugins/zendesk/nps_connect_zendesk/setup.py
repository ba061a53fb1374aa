"""Account setup: user fields, ticket fields, webhook and triggers. Nothing is ever deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from nps_connect import Connection, SetupChange, hookimpl
from nps_connect_zendesk.account_difference import AccountDifference
from nps_connect_zendesk.api import API_PATH, load_rows
from nps_connect_zendesk.settings import ZendeskSettings, numeric
from nps_connect_zendesk.webhook_setup import webhook_differences

ACTION = "setup"


@hookimpl
def nps_plan_setup(connection: Connection[ZendeskSettings]) -> Sequence[SetupChange]:
    """Return what is missing or differs; only reads.

    Raises:
        DeliveryError: any.
    """
    return [difference.as_change() for difference in differences(connection)]


@hookimpl
def nps_apply_setup(connection: Connection[ZendeskSettings], changes: Sequence[SetupChange]) -> Sequence[SetupChange]:
    """Make the planned changes that are still needed, and return those that were made.

    Raises:
        DeliveryError: any; completed changes stay.
    """
    planned = {change.id for change in changes}
    done = []
    for difference in list(differences(connection)):
        if difference.id in planned and difference.apply is not None:
            difference.apply()
            done.append(difference.as_change())
    return done


def differences(connection: Connection[ZendeskSettings]) -> Iterator[AccountDifference]:
    """Yield everything that the account should have and has not.

    Raises:
        DeliveryError: any.
    """
    yield from _user_fields(connection)
    yield from _ticket_fields(connection)
    yield from webhook_differences(connection)


def user_fields(connection: Connection[ZendeskSettings]) -> dict[str, dict[str, str]]:
    """Return the user fields that scores and outcomes of cases need, by key."""
    settings = connection.settings
    fields = {
        settings.score_field: {"type": "integer", "title": "NPS score"},
        settings.category_field: {"type": "text", "title": "NPS category"},
        settings.responded_at_field: {"type": "date", "title": "NPS answered on"},
        settings.reference_field: {"type": "text", "title": "NPS response (reference)"},
    }
    if "write_case_outcome" not in connection.disabled_actions:
        fields |= {
            settings.case_state_field: {"type": "text", "title": "NPS case"},
            settings.case_changed_at_field: {"type": "date", "title": "NPS case in this state since"},
            settings.case_handled_by_field: {"type": "text", "title": "NPS case handled by"},
            settings.case_reference_field: {"type": "text", "title": "NPS case (reference)"},
        }
    if settings.comment_field is not None:
        fields[settings.comment_field] = {"type": "textarea", "title": "NPS comment"}
    return fields


def _user_fields(connection: Connection[ZendeskSettings]) -> Iterator[AccountDifference]:
    existing_by_key = {
        row.get("key"): row for row in load_rows(connection, "/user_fields", "user_fields", action=ACTION)
    }
    for key, required in user_fields(connection).items():
        existing = existing_by_key.get(key)
        change_id = f"user_field:{key}"
        if existing is None:
            body = {"user_field": {"key": key, **required, "active": True}}
            create = partial(_call, connection, "POST", "/user_fields", body)
            yield AccountDifference(change_id, "create", f"create the user field {key!r} ({required['type']})", create)
        elif existing.get("type") != required["type"]:
            text = f"the user field {key!r} is of type {existing.get('type')}, not {required['type']}: use another key"
            yield AccountDifference(change_id, "blocked", text)
        elif existing.get("active") is False:
            path = f"/user_fields/{existing['id']}"
            activate = partial(_call, connection, "PUT", path, {"user_field": {"active": True}})
            yield AccountDifference(change_id, "update", f"activate the user field {key!r}", activate)


def _ticket_fields(connection: Connection[ZendeskSettings]) -> Iterator[AccountDifference]:
    titles = [title for title in connection.settings.custom_fields if numeric(title) is None]
    if not titles:
        return
    existing_by_title = {
        str(row.get("title", "")).strip().casefold(): row
        for row in load_rows(connection, "/ticket_fields", "ticket_fields", action=ACTION)
    }
    for title in titles:
        existing = existing_by_title.get(title.strip().casefold())
        change_id = f"ticket_field:{title}"
        if existing is None:
            kind = "integer" if connection.settings.custom_fields[title].strip() == "{score}" else "text"
            body = {"ticket_field": {"type": kind, "title": title, "active": True}}
            create = partial(_call, connection, "POST", "/ticket_fields", body)
            yield AccountDifference(change_id, "create", f"create the ticket field {title!r} ({kind})", create)
        elif existing.get("active") is False:
            path = f"/ticket_fields/{existing['id']}"
            activate = partial(_call, connection, "PUT", path, {"ticket_field": {"active": True}})
            yield AccountDifference(change_id, "update", f"activate the ticket field {title!r}", activate)


def _call(connection: Connection[ZendeskSettings], method: str, path: str, body: dict[str, Any]) -> None:
    connection.http.call(method, f"{API_PATH}{path}", action=ACTION, idempotent=method != "POST", json=body)
