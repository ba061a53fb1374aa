"""People: completing events with their ticket's fields and requester, and finding users by id, address or ticket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nps_connect import Connection, Contact, ContactKey, ContactMatch, Event, hookimpl
from nps_connect_zendesk.directory import Kind, number_of
from nps_connect_zendesk.facts import EXCLUDED, FieldValue, excluded, facts_of
from nps_connect_zendesk.people import contact_of, users_at
from nps_connect_zendesk.rows import show_many
from nps_connect_zendesk.settings import NameOrId

COMPLETE = "complete_events"
FIND = "find_contacts"
SIDE_LOADS = "users,metric_sets"


@hookimpl
def nps_complete_events(connection: Connection, events: Sequence[Event], fields: Sequence[str]) -> Sequence[Event]:
    """Fill in ticket fields, reply and solving times, the reason of an exclusion, and the requester: 100 per call.

    Raises:
        DeliveryError: any.
    """
    tickets = _tickets(connection, (event.object_id for event in events if event.kind.startswith("ticket.")))
    users = _users_of(tickets)
    missing = [
        event.contact_key.value
        for event in events
        if event.contact_key is not None and event.contact_key.kind == "id" and event.contact_key.value not in users
    ]
    users |= _users(connection, missing)
    groups, forms = _excluded_numbers(connection) if tickets else (set(), set())
    return [_completed(connection, event, fields, tickets, users, groups, forms) for event in events]


@hookimpl
def nps_find_contacts(connection: Connection, keys: Sequence[ContactKey]) -> Sequence[ContactMatch]:
    """Users by id (100 per call), by address (one call each), or as requester of a ticket (100 per call).

    Raises:
        DeliveryError: any.
    """
    users = _users(connection, [key.value for key in keys if key.kind == "id"])
    tickets = _tickets(connection, [key.value for key in keys if key.kind == "ticket"])
    users |= _users_of(tickets)
    return [
        ContactMatch(
            key=key, contacts=tuple(contact_of(connection, user) for user in _matches(connection, key, users, tickets))
        )
        for key in keys
    ]


def _matches(
    connection: Connection, key: ContactKey, users: Mapping[str, dict[str, Any]], tickets: Mapping[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    if key.kind == "email":
        return users_at(connection, key.value, action=FIND)
    wanted = {"id": key.value, "ticket": str(tickets.get(key.value, {}).get("requester_id"))}.get(key.kind, "")
    return [users[wanted]] if wanted in users else []


def _tickets(connection: Connection, ids: Sequence[str] | Iterator[str]) -> dict[str, dict[str, Any]]:
    found = {}
    for answer in show_many(connection, "/tickets", ids, action=COMPLETE, include=SIDE_LOADS):
        metrics = {metric.get("ticket_id"): metric for metric in answer.get("metric_sets") or []}
        people = {user["id"]: user for user in answer.get("users") or []}
        for ticket in answer.get("tickets") or []:
            ticket.setdefault("metric_set", metrics.get(ticket["id"]))
            ticket["requester"] = people.get(ticket.get("requester_id"))
            found[str(ticket["id"])] = ticket
    return found


def _users(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {
        str(user["id"]): user
        for answer in show_many(connection, "/users", ids, action=FIND)
        for user in answer.get("users") or []
    }


def _users_of(tickets: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {str(ticket["requester"]["id"]): ticket["requester"] for ticket in tickets.values() if ticket["requester"]}


def _excluded_numbers(connection: Connection) -> tuple[set[int], set[int]]:
    exclude = connection.settings.exclude
    return _numbers(connection, "groups", exclude.groups), _numbers(connection, "ticket_forms", exclude.forms)


def _numbers(connection: Connection, kind: Kind, values: Sequence[NameOrId]) -> set[int]:
    numbers = (number_of(connection, kind, value, action=COMPLETE) for value in values)
    return {number for number in numbers if number is not None}


def _completed(
    connection: Connection,
    event: Event,
    asked: Sequence[str],
    tickets: Mapping[str, dict[str, Any]],
    users: Mapping[str, dict[str, Any]],
    groups: set[int],
    forms: set[int],
) -> Event:
    ticket = tickets.get(event.object_id) if event.kind.startswith("ticket.") else None
    contacts = _contacts(connection, event, ticket, users)
    if ticket is None:
        return event.model_copy(update={"contacts": contacts})
    role = (ticket["requester"] or {}).get("role")
    facts = facts_of(ticket, role)
    reason = excluded(connection.settings.exclude, facts, groups=groups, forms=forms) or event.fields.get(EXCLUDED)
    filled: dict[str, FieldValue] = {**event.fields, **facts.fields, **measured(ticket)}
    for name in ("status", "priority"):  # what the event says was true at its moment; the ticket may have moved on
        if name in event.fields:
            filled[name] = event.fields[name]
    filled |= {name: value for name in asked if name not in filled for value in _asked(ticket, name)}
    if reason:
        filled[EXCLUDED] = reason
    key = event.contact_key
    if ticket.get("requester_id") and (key is None or key.kind == "ticket"):
        key = ContactKey(kind="id", value=str(ticket["requester_id"]))
    return event.model_copy(update={"fields": filled, "contacts": contacts, "contact_key": key})


def _contacts(
    connection: Connection, event: Event, ticket: dict[str, Any] | None, users: Mapping[str, dict[str, Any]]
) -> tuple[Contact, ...]:
    user = ticket["requester"] if ticket else None
    if user is None and event.contact_key is not None and event.contact_key.kind == "id":
        user = users.get(event.contact_key.value)
    return (contact_of(connection, user),) if user else ()


def measured(ticket: Mapping[str, Any]) -> dict[str, FieldValue]:
    """How long the customer waited, as far as the ticket's metric set tells: minutes by the calendar."""
    metric = ticket.get("metric_set") or {}
    times = {
        "first_reply_minutes": _calendar(metric.get("reply_time_in_minutes")),
        "solve_minutes": _calendar(metric.get("full_resolution_time_in_minutes")),
        "reopens": metric.get("reopens"),
    }
    return {name: value for name, value in times.items() if isinstance(value, int | float)}


def _calendar(value: object) -> FieldValue:
    return value.get("calendar") if isinstance(value, Mapping) else None


def _asked(ticket: Mapping[str, Any], name: str) -> Iterator[FieldValue]:
    """The value of a field that a filter names: an attribute of the ticket or ``field_<number>``; nothing if absent."""
    if name.startswith("field_"):
        values = [field.get("value") for field in ticket.get("custom_fields") or [] if f"field_{field['id']}" == name]
    else:
        values = [ticket[name]] if name in ticket else []
    for value in values:
        if isinstance(value, list):
            yield " ".join(map(str, value))
        elif value is None or isinstance(value, str | int | float | bool):
            yield value
