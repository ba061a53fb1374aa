"""Contacts: completion of events with ticket fields and requester; look-up of users by id, address or ticket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from nps_connect import Connection, Contact, ContactKey, ContactMatch, Event, hookimpl
from nps_connect_zendesk.api import show_many
from nps_connect_zendesk.name_lookup import ResourceKind, lookup_id
from nps_connect_zendesk.settings import NameOrId, ZendeskSettings
from nps_connect_zendesk.ticket_facts import (
    EXCLUSION_FIELD,
    OPEN_STATUSES,
    OTHER_USER_FIELD,
    SOLVED_KINDS,
    FieldValue,
    exclusion_reason,
    parse_ticket_facts,
)
from nps_connect_zendesk.users import build_contact, find_users_by_address
from nps_connect_zendesk.webhooks import parse_moment

COMPLETE_ACTION = "complete_events"
FIND_ACTION = "find_contacts"
SIDE_LOADS = "users,metric_sets"
"""The users are the requesters, assignees and others that the tickets name
(https://developer.zendesk.com/documentation/ticketing/using-the-zendesk-api/side_loading/)."""

AGENT_FIELD = "agent_name"
"""Field of a ticket event with the name of the assignee, which the core records as who handled the case."""


@hookimpl
def nps_complete_events(
    connection: Connection[ZendeskSettings], events: Sequence[Event], fields: Sequence[str]
) -> Sequence[Event]:
    """Add ticket fields, reply and solving times, the exclusion reason and the requester: 100 tickets per call.

    Raises:
        DeliveryError: any.
    """
    tickets = _load_tickets(connection, (event.object_id for event in events if event.kind.startswith("ticket.")))
    users = _side_loaded_users(tickets)
    missing = [
        event.contact_key.value
        for event in events
        if event.contact_key is not None and event.contact_key.kind == "id" and event.contact_key.value not in users
    ]
    others = [str(event.fields[OTHER_USER_FIELD]) for event in events if OTHER_USER_FIELD in event.fields]
    users |= _load_users(connection, [*missing, *others])
    groups, forms = _excluded_ids(connection) if tickets else (set(), set())
    return [_complete_event(connection, event, fields, tickets, users, groups, forms) for event in events]


@hookimpl
def nps_find_contacts(connection: Connection[ZendeskSettings], keys: Sequence[ContactKey]) -> Sequence[ContactMatch]:
    """Find users by id (100 per call), by address (one call each), or as requester of a ticket (100 per call).

    Raises:
        DeliveryError: any.
    """
    users = _load_users(connection, [key.value for key in keys if key.kind == "id"])
    tickets = _load_tickets(connection, [key.value for key in keys if key.kind == "ticket"])
    users |= _side_loaded_users(tickets)
    return [
        ContactMatch(
            key=key,
            contacts=tuple(build_contact(connection, user) for user in _matches(connection, key, users, tickets)),
        )
        for key in keys
    ]


def _matches(
    connection: Connection[ZendeskSettings],
    key: ContactKey,
    users: Mapping[str, dict[str, Any]],
    tickets: Mapping[str, dict[str, Any]],
) -> list[dict[str, Any]]:
    if key.kind == "email":
        return find_users_by_address(connection, key.value, action=FIND_ACTION)
    user_id = {"id": key.value, "ticket": str(tickets.get(key.value, {}).get("requester_id"))}.get(key.kind, "")
    return [users[user_id]] if user_id in users else []


def _load_tickets(
    connection: Connection[ZendeskSettings], ids: Sequence[str] | Iterator[str]
) -> dict[str, dict[str, Any]]:
    by_id = {}
    for response in show_many(connection, "/tickets", ids, action=COMPLETE_ACTION, include=SIDE_LOADS):
        metrics = {metric.get("ticket_id"): metric for metric in response.get("metric_sets") or []}
        users = {user["id"]: user for user in response.get("users") or []}
        for ticket in response.get("tickets") or []:
            ticket.setdefault("metric_set", metrics.get(ticket["id"]))
            ticket["requester"] = users.get(ticket.get("requester_id"))
            ticket["assignee"] = users.get(ticket.get("assignee_id"))
            by_id[str(ticket["id"])] = ticket
    return by_id


def _load_users(connection: Connection[ZendeskSettings], ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {
        str(user["id"]): user
        for response in show_many(connection, "/users", ids, action=FIND_ACTION)
        for user in response.get("users") or []
    }


def _side_loaded_users(tickets: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {str(ticket["requester"]["id"]): ticket["requester"] for ticket in tickets.values() if ticket["requester"]}


def _excluded_ids(connection: Connection[ZendeskSettings]) -> tuple[set[int], set[int]]:
    exclude = connection.settings.exclude
    return _lookup_ids(connection, "groups", exclude.groups), _lookup_ids(connection, "ticket_forms", exclude.forms)


def _lookup_ids(connection: Connection[ZendeskSettings], kind: ResourceKind, values: Sequence[NameOrId]) -> set[int]:
    numbers = (lookup_id(connection, kind, value, action=COMPLETE_ACTION) for value in values)
    return {number for number in numbers if number is not None}


def _complete_event(
    connection: Connection[ZendeskSettings],
    event: Event,
    names: Sequence[str],
    tickets: Mapping[str, dict[str, Any]],
    users: Mapping[str, dict[str, Any]],
    groups: set[int],
    forms: set[int],
) -> Event:
    if event.kind == "contact.merged":
        return _complete_merge(connection, event, users)
    ticket = tickets.get(event.object_id) if event.kind.startswith("ticket.") else None
    contacts = _contacts(connection, event, ticket, users)
    if ticket is None:
        return event.model_copy(update={"contacts": contacts})
    role = (ticket["requester"] or {}).get("role")
    facts = parse_ticket_facts(ticket, role)
    reason = exclusion_reason(connection.settings.exclude, facts, groups=groups, forms=forms) or event.fields.get(
        EXCLUSION_FIELD
    )
    is_open = facts.fields.get("status") in OPEN_STATUSES
    if is_open and event.kind in SOLVED_KINDS:
        reason = reason or "the ticket is open"
    filled: dict[str, FieldValue] = {**event.fields, **facts.fields, **wait_times(ticket), "is_open": is_open}
    if agent_name := (ticket["assignee"] or {}).get("name"):
        filled[AGENT_FIELD] = str(agent_name)
    filled |= {name: value for name in names if name not in filled for value in _field_values(ticket, name)}
    if reason:
        filled[EXCLUSION_FIELD] = reason
    key = event.contact_key
    if ticket.get("requester_id") and (key is None or key.kind == "ticket"):
        key = ContactKey(kind="id", value=str(ticket["requester_id"]))
    changes = {"fields": filled, "contacts": contacts, "contact_key": key, "occurred_at": _exact_time(event, ticket)}
    return event.model_copy(update=changes)


def _exact_time(event: Event, ticket: Mapping[str, Any]) -> datetime:
    """Return the time of the event with its seconds, which the body of a trigger lacks, if the metric set has them."""
    metric = ticket.get("metric_set") or {}
    for name in ("solved_at", "status_updated_at") if event.kind in SOLVED_KINDS else ("status_updated_at",):
        moment = parse_moment(metric[name]) if isinstance(metric.get(name), str) else None
        if moment is not None and moment.replace(second=0, microsecond=0) == event.occurred_at:
            return moment
    return event.occurred_at


def _complete_merge(
    connection: Connection[ZendeskSettings], event: Event, users: Mapping[str, dict[str, Any]]
) -> Event:
    """Make the merge an event about the surviving user, which is the one that Zendesk still shows as active.

    Not verified: which of the two users the event names first. Where both or neither are active, nothing is merged.
    """
    ids = (event.object_id, str(event.fields.get(OTHER_USER_FIELD)))
    active = [user_id for user_id in ids if user_id in users and users[user_id].get("active") is not False]
    if len(active) != 1:
        return event
    survivor = build_contact(connection, users[active[0]])
    merged = tuple(user_id for user_id in ids if user_id != survivor.id)
    contact = survivor.model_copy(update={"merged_ids": merged})
    return event.model_copy(update={"object_id": survivor.id, "contacts": (contact,)})


def _contacts(
    connection: Connection[ZendeskSettings],
    event: Event,
    ticket: dict[str, Any] | None,
    users: Mapping[str, dict[str, Any]],
) -> tuple[Contact, ...]:
    if ticket is None and event.kind.startswith("ticket."):
        return ()  # deleted since
    user = ticket["requester"] if ticket else None
    if user is None and event.contact_key is not None and event.contact_key.kind == "id":
        user = users.get(event.contact_key.value)
    return (build_contact(connection, user),) if user else ()


def wait_times(ticket: Mapping[str, Any]) -> dict[str, FieldValue]:
    """Return the customer's waiting times from the ticket's metric set, in calendar minutes, as far as known."""
    metric = ticket.get("metric_set") or {}
    times = {
        "first_reply_minutes": _calendar_minutes(metric.get("reply_time_in_minutes")),
        "solve_minutes": _calendar_minutes(metric.get("full_resolution_time_in_minutes")),
        "reopens": metric.get("reopens"),
    }
    return {name: value for name, value in times.items() if isinstance(value, int | float)}


def _calendar_minutes(value: object) -> FieldValue:
    return value.get("calendar") if isinstance(value, Mapping) else None


def _field_values(ticket: Mapping[str, Any], name: str) -> Iterator[FieldValue]:
    """Yield the value of a field that a filter names: a ticket attribute or ``field_<number>``; nothing if missing."""
    if name.startswith("field_"):
        values = [field.get("value") for field in ticket.get("custom_fields") or [] if f"field_{field['id']}" == name]
    else:
        values = [ticket[name]] if name in ticket else []
    for value in values:
        if isinstance(value, list):
            yield " ".join(map(str, value))
        elif value is None or isinstance(value, str | int | float | bool):
            yield value
