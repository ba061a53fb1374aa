"""People whose data is exported or erased, and how it is told whether a text or a stored webhook concerns them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from nps_connect.records.events import Event

_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


class VendorObject(NamedTuple):
    """An object at a vendor: its connection, the first word of its events' kinds, such as ``deal``, and its id."""

    connection: str
    kind: str
    id: str


class DataSubjects(NamedTuple):
    """People whose data is exported or erased, and by what it is found.

    Attributes:
        contact_ids: their contacts, with those that were merged into them.
        event_ids: events that concern or name them.
        mailboxes: hashes of their addresses.
        subjects: of contacts, mailboxes and vendor ids, see `ledger.subjects`.
        names: addresses and full names, in lower case: a text with one of them names a person.
        objects: the contacts and the objects of their events at the vendors.
        parse: returns the events in a row of `raw_requests`; none if they cannot be read.
    """

    contact_ids: list[int]
    event_ids: list[int]
    mailboxes: list[str]
    subjects: list[str]
    names: frozenset[str]
    objects: frozenset[VendorObject]
    parse: Callable[[Any], Sequence[Event]]


def mentions(people: DataSubjects, text: str) -> bool:
    """Return whether a text names one of the people."""
    lowered = text.lower()
    return any(name in lowered for name in people.names)


def in_text(*columns: str) -> Callable[[Any, DataSubjects], bool]:
    """Return the check that one of these columns names one of the people."""

    def is_about(row: Any, people: DataSubjects) -> bool:  # noqa: ANN401  # a row of any table
        values = (getattr(row, name) for name in columns)
        return any(
            mentions(people, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
            for value in values
            if value
        )

    return is_about


def in_api_response(row: Any, people: DataSubjects) -> bool:  # noqa: ANN401  # a row of `idempotency_keys`
    """Return whether a stored response of the API is about one of the people."""
    contact = row.response.get("contact") or {}
    return VendorObject(contact.get("connection", ""), "contact", contact.get("id", "")) in people.objects


def event_objects(connection: str, event: Event) -> set[VendorObject]:
    """Return the objects that an event names: its own, the contact of its key, and its contacts."""
    objects = {VendorObject(connection, event.kind.partition(".")[0], event.object_id)}
    if event.contact_key is not None:
        kind = "contact" if event.contact_key.kind == "id" else event.contact_key.kind
        objects.add(VendorObject(connection, kind, event.contact_key.value))
    return objects | {VendorObject(contact.connection, "contact", contact.id) for contact in event.contacts}


def in_webhook(row: Any, people: DataSubjects) -> bool:  # noqa: ANN401  # a row of `raw_requests`
    """Return whether a stored webhook holds the name or address of one of the people, or an event that concerns them.

    An id alone says nothing: the same number may be the id of another object, a counter or an amount.
    """
    try:
        values = set(_scalars(json.loads(row.body)))
    except (ValueError, RecursionError):
        return mentions(people, row.body.decode(errors="replace"))
    for text in [value for value in values if "@" in value]:
        values.update(_ADDRESS.findall(text))
    if not values.isdisjoint(people.names):
        return True
    if not any(item.connection == row.connection and item.id.lower() in values for item in people.objects):
        return False
    return any(_is_about_people(row, people))


def _is_about_people(row: Any, people: DataSubjects) -> list[bool]:  # noqa: ANN401  # a row of `raw_requests`
    """Return for each event in a stored webhook whether it concerns one of the people."""
    return [not people.objects.isdisjoint(event_objects(row.connection, event)) for event in people.parse(row)]


def webhook_body(row: Any, people: DataSubjects) -> str | None:  # noqa: ANN401  # a row of `raw_requests`
    """Return the body of a stored webhook, or None if it holds, or may hold, events of other people."""
    about = _is_about_people(row, people)
    return row.body.decode(errors="replace") if about and all(about) else None


def _scalars(value: Any) -> Iterator[str]:  # noqa: ANN401  # any JSON
    """Return the texts and numbers in a JSON value, in lower case."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _scalars(item)
    elif value is not None:
        yield str(value).lower()
