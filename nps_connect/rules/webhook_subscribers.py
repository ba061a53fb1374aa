"""Who receives which webhooks; joined once from the subscriptions of all connections. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the context imports this module, and commands that only read need no records
    from nps_connect.records.webhooks import WebhookSubscription, WebhookType


@dataclass(frozen=True)
class WebhookSubscribers:
    """The connections that receive webhooks.

    Attributes:
        by_type: names of connections, sorted, by type; a type that nobody receives is absent.
        all_decisions: connections that are also told which surveys are refused and held.
    """

    by_type: Mapping[WebhookType, tuple[str, ...]] = field(default_factory=dict)
    all_decisions: frozenset[str] = frozenset()


def join_subscriptions(subscriptions: Mapping[str, WebhookSubscription]) -> WebhookSubscribers:
    """Return the subscribers of each type, from the subscriptions by connection."""
    names_by_type: dict[WebhookType, list[str]] = {}
    for name, subscription in sorted(subscriptions.items()):
        for webhook_type in sorted(subscription.types):
            names_by_type.setdefault(webhook_type, []).append(name)
    return WebhookSubscribers(
        {webhook_type: tuple(names) for webhook_type, names in names_by_type.items()},
        frozenset(name for name, subscription in subscriptions.items() if subscription.all_decisions),
    )
