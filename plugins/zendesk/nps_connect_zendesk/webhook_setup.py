"""Setup of the webhook and of the triggers that send ticket events, with the body that the triggers send."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from nps_connect import Connection
from nps_connect_zendesk.account_difference import AccountDifference
from nps_connect_zendesk.api import API_PATH, load_rows
from nps_connect_zendesk.settings import ZendeskSettings

ACTION = "setup"
TRIGGER_MODE = ["conditional_ticket_events"]
EVENT_MODE = [
    "zen:event-type:ticket.status_changed",
    "zen:event-type:ticket.priority_changed",
    "zen:event-type:ticket.soft_deleted",
    "zen:event-type:ticket.permanently_deleted",
    "zen:event-type:user.deleted",
    "zen:event-type:user.merged",
]

TRIGGERS: dict[str, list[dict[str, str]]] = {
    "ticket.solved": [{"field": "status", "operator": "value", "value": "solved"}],
    "ticket.reopened": [
        {"field": "status", "operator": "value_previous", "value": "solved"},
        {"field": "status", "operator": "less_than", "value": "solved"},
    ],
    "ticket.priority_changed": [
        {"field": "update_type", "operator": "is", "value": "Change"},
        {"field": "priority", "operator": "changed"},
    ],
}
"""Conditions of each trigger, all of which must hold. Admins may add their own conditions."""


def trigger_body(kind: str) -> str:
    """Return the body that the trigger for an event kind sends.

    Kind and status are literals, because Zendesk translates the status placeholder into the account's language.
    """
    body = {
        "event": kind,
        "ticket_id": "{{ticket.id}}",
        "external_id": "{{ticket.external_id}}",
        "status": {"ticket.solved": "solved", "ticket.reopened": "open"}.get(kind),
        "updated_at": "{{ticket.updated_at_with_timestamp}}",
        "requester_id": "{{ticket.requester.id}}",
        "tags": "{{ticket.tags}}",
    }
    return json.dumps({name: value for name, value in body.items() if value is not None}, indent=2)


def webhook_url(connection: Connection[ZendeskSettings]) -> str:
    """Return the address of the webhook."""
    return f"{connection.public_url}/hooks/{connection.name}"


def find_webhook(connection: Connection[ZendeskSettings], *, action: str = ACTION) -> dict[str, Any] | None:
    """Return the account's webhook to our address, or None.

    Raises:
        DeliveryError: any.
    """
    webhooks = load_rows(connection, "/webhooks", "webhooks", action=action)
    return next((webhook for webhook in webhooks if webhook.get("endpoint") == webhook_url(connection)), None)


def webhook_differences(connection: Connection[ZendeskSettings]) -> Iterator[AccountDifference]:
    """Yield what is missing or differs: the webhook, and in trigger mode its triggers.

    Raises:
        DeliveryError: any.
    """
    if connection.settings.events != "webhook":
        return
    webhook = find_webhook(connection)
    yield from _webhook(connection, webhook)
    if connection.settings.webhook_mode == "trigger":
        existing = {row.get("title"): row for row in load_rows(connection, "/triggers", "triggers", action=ACTION)}
        for kind in TRIGGERS:
            yield from _trigger(connection, kind, webhook, existing.get(trigger_title(connection, kind)))


def trigger_title(connection: Connection[ZendeskSettings], kind: str) -> str:
    """Return the title that identifies our trigger."""
    return f"nps_connect {connection.name}: {kind}"


def _webhook(connection: Connection[ZendeskSettings], webhook: dict[str, Any] | None) -> Iterator[AccountDifference]:
    subscriptions = TRIGGER_MODE if connection.settings.webhook_mode == "trigger" else EVENT_MODE
    definition = {
        "name": f"nps_connect {connection.name}",
        "status": "active",
        "endpoint": webhook_url(connection),
        "http_method": "POST",
        "request_format": "json",
        "subscriptions": subscriptions,
    }
    if webhook is None:
        text = f"create the webhook to {definition['endpoint']}; then store its signing secret as webhook_secret"
        yield AccountDifference(
            "webhook", "create", text, lambda: _call(connection, "POST", "/webhooks", {"webhook": definition})
        )
        return
    existing = set(webhook.get("subscriptions") or [])
    path = f"/webhooks/{webhook['id']}"
    if (existing == set(TRIGGER_MODE)) != (subscriptions == TRIGGER_MODE):
        yield AccountDifference(
            "webhook",
            "blocked",
            "the webhook's connection method cannot be changed: delete it at Zendesk, or change webhook_mode",
        )
    elif webhook.get("status") != "active" or not existing.issuperset(subscriptions):
        change = {"status": "active", "subscriptions": sorted(existing.union(subscriptions))}
        text = "activate the webhook, with all required events"
        yield AccountDifference(
            "webhook", "update", text, lambda: _call(connection, "PATCH", path, {"webhook": change})
        )


def _trigger(
    connection: Connection[ZendeskSettings], kind: str, webhook: dict[str, Any] | None, existing: dict[str, Any] | None
) -> Iterator[AccountDifference]:
    title = trigger_title(connection, kind)
    if existing is None:

        def create() -> None:
            actions = [_notification_action(connection, kind, webhook)]
            trigger = {"title": title, "conditions": {"all": TRIGGERS[kind], "any": []}, "actions": actions}
            _call(connection, "POST", "/triggers", {"trigger": {**trigger, "active": True}})

        yield AccountDifference(f"trigger:{kind}", "create", f"create the trigger {title!r}", create)
        return
    actions, conditions = existing.get("actions") or [], existing.get("conditions") or {}
    missing = _missing_conditions(kind, conditions)
    is_correct = webhook is not None and _notification_action(connection, kind, webhook) in actions
    if is_correct and not missing and existing.get("active", True):
        return

    def repair() -> None:
        others = [action for action in actions if action.get("field") != "notification_webhook"]
        change = {
            "active": True,
            "conditions": {"all": [*(conditions.get("all") or []), *missing], "any": conditions.get("any") or []},
            "actions": [*others, _notification_action(connection, kind, webhook)],
        }
        _call(connection, "PUT", f"/triggers/{existing['id']}", {"trigger": change})

    text = f"repair the trigger {title!r}: active, with our conditions, webhook and body"
    yield AccountDifference(f"trigger:{kind}", "update", text, repair)


def _missing_conditions(kind: str, conditions: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return our conditions that the trigger lacks.

    An update clears the conditions and actions that it does not send
    (https://developer.zendesk.com/api-reference/ticketing/business-rules/triggers/#update-trigger), and a trigger
    without conditions runs on every update of a ticket.
    """
    existing = [
        {name: str(value) for name, value in condition.items() if value is not None}
        for condition in conditions.get("all") or []
    ]
    return [condition for condition in TRIGGERS[kind] if condition not in existing]


def _notification_action(
    connection: Connection[ZendeskSettings], kind: str, webhook: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the trigger's action; the webhook may have been created just before."""
    target = webhook or find_webhook(connection)
    return {"field": "notification_webhook", "value": [target["id"] if target else None, trigger_body(kind)]}


def _call(connection: Connection[ZendeskSettings], method: str, path: str, body: dict[str, Any]) -> None:
    connection.http.call(method, f"{API_PATH}{path}", action=ACTION, idempotent=method != "POST", json=body)
