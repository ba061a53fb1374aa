"""The webhook and the triggers that make Zendesk tell us of solved tickets, and the body that the triggers send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from nps_connect import Connection
from nps_connect_zendesk.account_difference import AccountDifference
from nps_connect_zendesk.api import API_PATH, load_rows

ACTION = "setup"
TRIGGER_MODE = ["conditional_ticket_events"]
EVENT_MODE = [
    "zen:event-type:ticket.status_changed",
    "zen:event-type:ticket.priority_changed",
    "zen:event-type:ticket.soft_deleted",
    "zen:event-type:ticket.permanently_deleted",
    "zen:event-type:user.deleted",
]

_CHANGED: dict[str, str | None] = {"field": "update_type", "operator": "is", "value": "Change"}
TRIGGERS: dict[str, list[dict[str, str | None]]] = {
    "ticket.solved": [{"field": "status", "operator": "value", "value": "solved"}],
    "ticket.reopened": [
        {"field": "status", "operator": "value_previous", "value": "solved"},
        {"field": "status", "operator": "less_than", "value": "solved"},
    ],
    "ticket.priority_changed": [_CHANGED, {"field": "priority", "operator": "changed", "value": None}],
}
"""What each trigger waits for. Admins may add conditions of their own."""


def trigger_body(kind: str) -> str:
    """The body that the trigger for a kind of event sends.

    Kind and status are written out, since Zendesk translates the status placeholder into the account's language.
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


def webhook_url(connection: Connection) -> str:
    """Where the webhook goes."""
    return f"{connection.public_url}/hooks/{connection.name}"


def find_webhook(connection: Connection, *, action: str = ACTION) -> dict[str, Any] | None:
    """The account's webhook that goes to us, or none.

    Raises:
        DeliveryError: any.
    """
    there = load_rows(connection, "/webhooks", "webhooks", action=action)
    return next((webhook for webhook in there if webhook.get("endpoint") == webhook_url(connection)), None)


def webhook_differences(connection: Connection) -> Iterator[AccountDifference]:
    """What is missing or differs: the webhook, and in trigger mode its triggers.

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


def trigger_title(connection: Connection, kind: str) -> str:
    """The title by which we know our trigger again."""
    return f"nps_connect {connection.name}: {kind}"


def _webhook(connection: Connection, webhook: dict[str, Any] | None) -> Iterator[AccountDifference]:
    subscriptions = TRIGGER_MODE if connection.settings.webhook_mode == "trigger" else EVENT_MODE
    wanted = {
        "name": f"nps_connect {connection.name}",
        "status": "active",
        "endpoint": webhook_url(connection),
        "http_method": "POST",
        "request_format": "json",
        "subscriptions": subscriptions,
    }
    if webhook is None:
        text = f"create the webhook to {wanted['endpoint']}; then put its signing secret into webhook_secret"
        yield AccountDifference(
            "webhook", "create", text, lambda: _call(connection, "POST", "/webhooks", {"webhook": wanted})
        )
        return
    has = set(webhook.get("subscriptions") or [])
    path = f"/webhooks/{webhook['id']}"
    if (has == set(TRIGGER_MODE)) != (subscriptions == TRIGGER_MODE):
        yield AccountDifference(
            "webhook",
            "blocked",
            "the webhook's connection method cannot be changed: delete it at Zendesk, or change webhook_mode",
        )
    elif webhook.get("status") != "active" or not has.issuperset(subscriptions):
        change = {"status": "active", "subscriptions": sorted(has.union(subscriptions))}
        text = "switch the webhook on, with all the events that we need"
        yield AccountDifference(
            "webhook", "update", text, lambda: _call(connection, "PATCH", path, {"webhook": change})
        )


def _trigger(
    connection: Connection, kind: str, webhook: dict[str, Any] | None, existing: dict[str, Any] | None
) -> Iterator[AccountDifference]:
    title = trigger_title(connection, kind)
    if existing is None:

        def create() -> None:
            actions = [_notification_action(connection, kind, webhook)]
            trigger = {"title": title, "conditions": {"all": TRIGGERS[kind], "any": []}, "actions": actions}
            _call(connection, "POST", "/triggers", {"trigger": {**trigger, "active": True}})

        yield AccountDifference(f"trigger:{kind}", "create", f"create the trigger {title!r}", create)
        return
    right = webhook is not None and _notification_action(connection, kind, webhook) in (existing.get("actions") or [])
    if right and existing.get("active", True):
        return

    def mend() -> None:
        kept = [one for one in existing.get("actions") or [] if one.get("field") != "notification_webhook"]
        change = {"active": True, "actions": [*kept, _notification_action(connection, kind, webhook)]}
        _call(connection, "PUT", f"/triggers/{existing['id']}", {"trigger": change})

    yield AccountDifference(
        f"trigger:{kind}", "update", f"mend the trigger {title!r}: active, our webhook, our body", mend
    )


def _notification_action(connection: Connection, kind: str, webhook: dict[str, Any] | None) -> dict[str, Any]:
    """The trigger's action; the webhook may have been created a moment ago."""
    known = webhook or find_webhook(connection)
    return {"field": "notification_webhook", "value": [known["id"] if known else None, trigger_body(kind)]}


def _call(connection: Connection, method: str, path: str, body: dict[str, Any]) -> None:
    connection.http.call(method, f"{API_PATH}{path}", action=ACTION, idempotent=method != "POST", json=body)
