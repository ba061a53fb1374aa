"""From Deskly to events and contacts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from nps_connect import (
    Connection,
    Contact,
    ContactKey,
    ContactMatch,
    Event,
    SkippedEntries,
    WebhookRejected,
    WebhookRequest,
    fact_key,
    hookimpl,
    verify_age,
    verify_hmac,
)
from nps_connect_deskly.settings import DesklySettings

KINDS = frozenset({"deal.won", "ticket.solved", "ticket.reopened"})


@hookimpl
def nps_verify_webhook(connection: Connection[DesklySettings], request: WebhookRequest) -> None:
    """Verify the HMAC over timestamp and body, then the age of the timestamp."""
    timestamp = request.require_header("x-deskly-time")
    signature = request.require_header("x-deskly-signature")
    signed = f"{timestamp}.".encode() + request.body
    verify_hmac(signature, signed, connection.settings.webhook_secrets)
    verify_age(timestamp, request.received_at)


@hookimpl
def nps_parse_events(request: WebhookRequest) -> list[Event | SkippedEntries]:
    """Return the events of a webhook; entries of kinds that this plugin does not know are ignored."""
    facts = request.json_object().get("facts")
    if not isinstance(facts, list):
        raise WebhookRejected("unreadable", "the body has no list of facts")
    parsed = [_parse_fact(fact) for fact in facts if not (isinstance(fact, dict) and _is_unknown(fact))]
    events: list[Event | SkippedEntries] = [event for event in parsed if event is not None]
    unreadable = len(parsed) - len(events)
    if unreadable and not events:
        raise WebhookRejected("unreadable", "no fact has the structure of Deskly's webhooks")
    return [*events, SkippedEntries(count=unreadable, reason="unreadable_entry")] if unreadable else events


def _is_unknown(fact: dict[str, Any]) -> bool:
    return isinstance(fact.get("type"), str) and fact["type"] not in KINDS


def _parse_fact(fact: object) -> Event | None:
    """Return the event of a fact; None if it lacks what every fact has."""
    try:
        kind, object_id, at = fact["type"], fact["id"], fact["at"]  # type: ignore[index]  # checked by the except
        moment = datetime.fromtimestamp(at / 1000, UTC)
        return Event(
            key=fact_key(kind, object_id, moment),
            kind=kind,
            object_id=object_id,
            occurred_at=moment,
            contact_key=ContactKey(kind="id", value=fact["person"]),  # type: ignore[index]
        )
    except (ValueError, TypeError, LookupError, OverflowError, OSError):
        return None


@hookimpl
def nps_complete_events(connection: Connection[DesklySettings], events: Sequence[Event]) -> list[Event]:
    """Add contacts, and to events of tickets the state that the ticket has now."""
    keys = [event.contact_key for event in events if event.contact_key]
    people = {match.key: match.contacts for match in nps_find_contacts(connection, keys)}
    tickets = _load_tickets(connection, [event.object_id for event in events if event.kind.startswith("ticket.")])
    return [_complete(event, people, tickets) for event in events]


def _complete(event: Event, people: dict[ContactKey, tuple[Contact, ...]], tickets: dict[str, dict[str, Any]]) -> Event:
    contacts = people.get(event.contact_key, ()) if event.contact_key else ()
    if not event.kind.startswith("ticket."):
        return event.model_copy(update={"contacts": contacts})
    ticket = tickets.get(event.object_id)
    if ticket is None:  # deleted since: an event whose object is gone has no contact
        return event.model_copy(update={"contacts": ()})
    fields = {"is_open": ticket["open"], **({"agent_name": ticket["agent"]} if ticket.get("agent") else {})}
    return event.model_copy(update={"contacts": contacts, "fields": {**event.fields, **fields}})


def _load_tickets(connection: Connection[DesklySettings], ids: list[str]) -> dict[str, dict[str, Any]]:
    if not ids:
        return {}
    answer = connection.http.call_json(
        "POST", "/tickets/lookup", action="complete_events", idempotent=True, json={"ids": ids}
    )
    return {ticket["id"]: ticket for ticket in answer["tickets"]}


@hookimpl
def nps_find_contacts(connection: Connection[DesklySettings], keys: Sequence[ContactKey]) -> list[ContactMatch]:
    """Return the people of each key; an address that several people share leads to all of them."""
    ids = [key.value for key in keys if key.kind == "id"]
    emails = [key.value.lower() for key in keys if key.kind == "email"]
    if not ids and not emails:
        return [ContactMatch(key=key) for key in keys]
    answer = connection.http.call_json(
        "POST", "/people/lookup", action="find_contacts", idempotent=True, json={"ids": ids, "emails": emails}
    )
    people = [_contact(connection.name, person) for person in answer["people"]]
    return [ContactMatch(key=key, contacts=tuple(p for p in people if _matches(key, p))) for key in keys]


def _contact(connection: str, person: dict[str, Any]) -> Contact:
    return Contact(
        connection=connection,
        id=person["id"],
        email=person.get("email"),
        name=person.get("name"),
        language=person.get("language"),
        opted_out=person.get("opted_out", False),
    )


def _matches(key: ContactKey, contact: Contact) -> bool:
    if key.kind == "id":
        return contact.id == key.value
    return key.kind == "email" and (contact.email or "").lower() == key.value.lower()
