"""The account's own triggers and automations that would notify the requester of our tickets.

A detractor must be called by a person and must not get a standard "we have received your request".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nps_connect import Connection
from nps_connect_zendesk.api import load_rows
from nps_connect_zendesk.markers import TICKET_TAG
from nps_connect_zendesk.settings import ZendeskSettings

REQUESTER_RECIPIENTS = ("requester_id", "requester_and_ccs", "all_agents_and_requester")
NOTIFICATION_ACTIONS = ("notification_user", "notification_sms_user", "notification_messaging_csat")


def mailing_rules(connection: Connection[ZendeskSettings], *, action: str) -> Iterator[tuple[str, str]]:
    """Yield kind and title of each active rule that would notify the requester of our tickets.

    Raises:
        DeliveryError: any.
    """
    for kind, key in (("trigger", "triggers"), ("automation", "automations")):
        for rule in load_rows(connection, f"/{key}", key, action=action):
            if (
                rule.get("active", True)
                and _notifies_requester(rule)
                and not _excludes_our_tickets(connection, rule.get("conditions") or {})
            ):
                yield kind, str(rule.get("title"))


def _notifies_requester(rule: Mapping[str, Any]) -> bool:
    for action in rule.get("actions") or []:
        value = action.get("value")
        target = value[0] if isinstance(value, list) and value else value
        if action.get("field") in NOTIFICATION_ACTIONS and target in REQUESTER_RECIPIENTS:
            return True
    return False


def _excludes_our_tickets(connection: Connection[ZendeskSettings], conditions: Mapping[str, Any]) -> bool:
    """Return whether a required condition cannot hold for our tickets."""
    for condition in conditions.get("all") or []:
        field, operator, value = condition.get("field"), condition.get("operator"), condition.get("value")
        if field == "current_tags" and operator == "not_includes" and TICKET_TAG in str(value).split():
            return True
        if not connection.settings.public_comment and _requires_public_comment(field, operator, value):
            return True
    return False


def _requires_public_comment(field: object, operator: object, value: object) -> bool:
    if field == "comment_is_public":
        return str(value).lower() in ("true", "requester_can_see_comment") and operator in (None, "is")
    return field == "ticket_is_public" and operator == "is" and str(value).lower() in ("public", "true")
