"""Setting the account up: user fields, ticket fields, webhook and triggers. Nothing is ever deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from nps_connect import Connection, SetupChange, hookimpl
from nps_connect_zendesk.account_difference import AccountDifference
from nps_connect_zendesk.api import API_PATH, load_rows
from nps_connect_zendesk.settings import numeric
from nps_connect_zendesk.webhook_setup import webhook_differences

ACTION = "setup"


@hookimpl
def nps_plan_setup(connection: Connection) -> Sequence[SetupChange]:
    """What is missing or differs. Reads only.

    Raises:
        DeliveryError: any.
    """
    return [wanted.told for wanted in differences(connection)]


@hookimpl
def nps_apply_setup(connection: Connection, changes: Sequence[SetupChange]) -> Sequence[SetupChange]:
    """Carry out planned changes that are still needed, and return those that were done.

    Raises:
        DeliveryError: any; what was done before stays done.
    """
    asked = {change.id for change in changes}
    done = []
    for wanted in list(differences(connection)):
        if wanted.id in asked and wanted.do is not None:
            wanted.do()
            done.append(wanted.told)
    return done


def differences(connection: Connection) -> Iterator[AccountDifference]:
    """Everything that the account should have and has not.

    Raises:
        DeliveryError: any.
    """
    yield from _user_fields(connection)
    yield from _ticket_fields(connection)
    yield from webhook_differences(connection)


def user_fields(connection: Connection) -> dict[str, dict[str, str]]:
    """The user fields that scores need, by key."""
    settings = connection.settings
    wanted = {
        settings.score_field: {"type": "integer", "title": "NPS score"},
        settings.category_field: {"type": "text", "title": "NPS category"},
        settings.responded_at_field: {"type": "date", "title": "NPS answered on"},
        settings.reference_field: {"type": "text", "title": "NPS answer (reference)"},
    }
    if settings.comment_field is not None:
        wanted[settings.comment_field] = {"type": "textarea", "title": "NPS comment"}
    return wanted


def _user_fields(connection: Connection) -> Iterator[AccountDifference]:
    there = {row.get("key"): row for row in load_rows(connection, "/user_fields", "user_fields", action=ACTION)}
    for key, wanted in user_fields(connection).items():
        has = there.get(key)
        thing = f"user_field:{key}"
        if has is None:
            body = {"user_field": {"key": key, **wanted, "active": True}}
            create = partial(_call, connection, "POST", "/user_fields", body)
            yield AccountDifference(thing, "create", f"create the user field {key!r} ({wanted['type']})", create)
        elif has.get("type") != wanted["type"]:
            text = f"the user field {key!r} is of type {has.get('type')}, not {wanted['type']}: name another key"
            yield AccountDifference(thing, "blocked", text)
        elif has.get("active") is False:
            switch = partial(_call, connection, "PUT", f"/user_fields/{has['id']}", {"user_field": {"active": True}})
            yield AccountDifference(thing, "update", f"switch the user field {key!r} on", switch)


def _ticket_fields(connection: Connection) -> Iterator[AccountDifference]:
    titles = [title for title in connection.settings.custom_fields if numeric(title) is None]
    if not titles:
        return
    there = {
        str(row.get("title", "")).strip().casefold(): row
        for row in load_rows(connection, "/ticket_fields", "ticket_fields", action=ACTION)
    }
    for title in titles:
        has = there.get(title.strip().casefold())
        thing = f"ticket_field:{title}"
        if has is None:
            kind = "integer" if connection.settings.custom_fields[title].strip() == "{score}" else "text"
            body = {"ticket_field": {"type": kind, "title": title, "active": True}}
            create = partial(_call, connection, "POST", "/ticket_fields", body)
            yield AccountDifference(thing, "create", f"create the ticket field {title!r} ({kind})", create)
        elif has.get("active") is False:
            path = f"/ticket_fields/{has['id']}"
            switch = partial(_call, connection, "PUT", path, {"ticket_field": {"active": True}})
            yield AccountDifference(thing, "update", f"switch the ticket field {title!r} on", switch)


def _call(connection: Connection, method: str, path: str, body: dict[str, Any]) -> None:
    connection.http.call(method, f"{API_PATH}{path}", action=ACTION, idempotent=method != "POST", json=body)
