"""Event types that webhooks can subscribe to, and how subscriptions exclude one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CONDITIONAL_SUBSCRIPTION = "conditional_ticket_events"
USER_EVENTS = (
    *("active_changed", "alias_changed", "created", "custom_field_changed", "custom_role_changed", "deleted"),
    *("default_group_changed", "details_changed", "external_id_changed", "group_membership_created"),
    *("group_membership_deleted", "identity_changed", "identity_created", "identity_deleted", "last_login_changed"),
    *("merged", "name_changed", "notes_changed", "only_private_comments_changed", "organization_membership_created"),
    *("organization_membership_deleted", "password_changed", "photo_changed", "role_changed", "suspended_changed"),
    *("tags_changed", "time_zone_changed"),
)
"""Events of users (https://developer.zendesk.com/api-reference/webhooks/event-types/user-events/); `deleted` is on the
page about creating webhooks. A permanent deletion is no event."""


def invalid_subscription(webhook: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a webhook's subscriptions, or None.

    A webhook is connected to triggers or subscribed to events, and events need POST and JSON
    (https://developer.zendesk.com/documentation/webhooks/creating-and-monitoring-webhooks/). Not verified: that an
    unknown event of users is refused.
    """
    subscriptions = list(webhook.get("subscriptions") or [])
    events = [name for name in subscriptions if name != CONDITIONAL_SUBSCRIPTION]
    if events and len(events) < len(subscriptions):
        return "triggers and events exclude one another"
    if events and (webhook.get("http_method"), webhook.get("request_format")) != ("POST", "json"):
        return "events need POST and json"
    for name in events:
        noun, _, event = name.replace("/", ":").removeprefix("zen:event-type:").partition(".")
        if noun == "user" and event not in USER_EVENTS:
            return f"{name} is not an event type"
    return None
