"""Events of webhooks: Zendesk's event envelope and the body of our trigger template; and vetoes of excluded tickets.

Sources: developer.zendesk.com/api-reference/webhooks/event-types/ticket-events (statuses are upper case there, lower
case in the API) and /documentation/webhooks/creating-and-monitoring-webhooks/. The time of a fact is the ticket's own
time of change, which the export has too; in a trigger's body it has whole minutes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from nps_connect import Connection, Event, Veto, WebhookRejected, WebhookRequest, hookimpl
from nps_connect_zendesk.settings import ZendeskSettings
from nps_connect_zendesk.ticket_facts import (
    EXCLUSION_FIELD,
    OPEN_STATUSES,
    FieldValue,
    contact_event,
    exclusion_reason_by_id,
    parse_ticket_facts,
    ticket_event,
)
from nps_connect_zendesk.webhooks import parse_moment

EVENT_TYPE_PREFIX = re.compile(r"^zen:event-type[:/]")
"""Zendesk's page of user events prints some types with a slash
(https://developer.zendesk.com/api-reference/webhooks/event-types/user-events/)."""

STATUSES = (*OPEN_STATUSES, "solved", "closed", "deleted", "archived", "scrubbed")
DELETED_KINDS = ("ticket.soft_deleted", "ticket.permanently_deleted")
CONTACT_KINDS = {"user.deleted": "contact.deleted", "user.merged": "contact.merged"}
TEMPLATE_KINDS = ("ticket.solved", "ticket.reopened", "ticket.closed", "ticket.priority_changed")


@hookimpl
def nps_parse_events(connection: Connection[ZendeskSettings], request: WebhookRequest) -> Sequence[Event]:
    """Return the events of a webhook, in either mode; unknown kinds have none.

    Raises:
        WebhookRejected: `unreadable`.
    """
    body = request.json_object()
    if isinstance(body.get("type"), str):
        return _from_envelope(connection, body)
    if "ticket_id" in body:
        return _from_template(connection, body)
    raise _unreadable("neither an event (type, detail) nor our trigger's template (ticket_id, status, updated_at)")


@hookimpl
def nps_veto_survey(event: Event) -> Veto | None:
    """Veto surveys about excluded tickets: our own, merged ones, and those that the settings exclude."""
    reason = event.fields.get(EXCLUSION_FIELD)
    return Veto(reason=str(reason)) if reason else None


def _unreadable(detail: str) -> WebhookRejected:
    return WebhookRejected("unreadable", detail)


def _from_envelope(connection: Connection[ZendeskSettings], body: Mapping[str, Any]) -> list[Event]:
    kind = EVENT_TYPE_PREFIX.sub("", str(body["type"]))
    if kind in CONTACT_KINDS:
        return _user_events(CONTACT_KINDS[kind], body)
    kinds = _ticket_kinds(kind, body)
    if not kinds:
        return []
    detail = _detail(body)
    facts = parse_ticket_facts(detail)
    moment = _occurred_at(detail, body)
    return [
        ticket_event(
            name,
            _id(detail.get("id")),
            moment,
            requester_id=detail.get("requester_id"),
            fields={**facts.fields, **more},
            reason=exclusion_reason_by_id(connection.settings.exclude, facts),
        )
        for name, more in kinds
    ]


def _user_events(kind: str, body: Mapping[str, Any]) -> list[Event]:
    detail = _detail(body)
    other_id = None
    if kind == "contact.merged":
        change = body.get("event")
        other = change.get("user") if isinstance(change, Mapping) else None
        other_id = _id(other.get("id") if isinstance(other, Mapping) else None)
    return [contact_event(kind, _id(detail.get("id")), _occurred_at(detail, body), other_id=other_id)]


def _ticket_kinds(kind: str, body: Mapping[str, Any]) -> list[tuple[str, dict[str, FieldValue]]]:
    change = body.get("event")
    change = change if isinstance(change, Mapping) else {}
    if kind == "ticket.status_changed":
        status = _status_word(change.get("current"), "status") or _status_word(_detail(body).get("status"), "status")
        name = _kind_by_status(status, _status_word(change.get("previous"), "status"))
        return [(name, {"status": status})] if name else []
    if kind == "ticket.priority_changed":
        more: dict[str, FieldValue] = {"previous_priority": _status_word(change.get("previous"), "priority")}
        return [("ticket.priority_changed", {key: value for key, value in more.items() if value})]
    return [("ticket.deleted", {})] if kind in DELETED_KINDS else []


def _kind_by_status(status: str | None, previous: str | None) -> str | None:
    if status == "solved":
        return "ticket.solved"
    if status == "closed":
        return "ticket.closed"
    return "ticket.reopened" if previous == "solved" and status in OPEN_STATUSES else None


def _from_template(connection: Connection[ZendeskSettings], body: Mapping[str, Any]) -> list[Event]:
    kind = _template_kind(body)
    if kind is None:
        return []
    facts = parse_ticket_facts(body)
    event = ticket_event(
        kind,
        _id(body.get("ticket_id")),
        _occurred_at(body, {}),
        requester_id=body.get("requester_id"),
        fields=facts.fields,
        reason=exclusion_reason_by_id(connection.settings.exclude, facts),
    )
    return [event]


def _template_kind(body: Mapping[str, Any]) -> str | None:
    event = body.get("event")
    if isinstance(event, str) and event:
        return event if event in TEMPLATE_KINDS else None
    status = _status_word(body.get("status"), "status")
    if status not in STATUSES:
        raise _unreadable("status is not one of Zendesk's own English names")
    return _kind_by_status(status, _status_word(body.get("previous_status"), "status"))


def _detail(body: Mapping[str, Any]) -> Mapping[str, Any]:
    detail = body.get("detail")
    if not isinstance(detail, Mapping):
        raise _unreadable("detail is missing")
    return detail


def _id(value: object) -> str:
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise _unreadable("the id is missing or not a number")
    return text


def _occurred_at(detail: Mapping[str, Any], body: Mapping[str, Any]) -> datetime:
    for value in (detail.get("updated_at"), body.get("time")):
        moment = parse_moment(value) if isinstance(value, str) else None
        if moment is not None:
            return moment.replace(microsecond=0)
    raise _unreadable("updated_at is missing or not an RFC 3339 time")


def _status_word(value: object, name: str) -> str | None:
    if isinstance(value, Mapping):
        value = value.get(name)
    return value.strip().lower() if isinstance(value, str) and value.strip() else None
