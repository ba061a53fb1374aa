"""Apply the configured mappings to a payload. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nps_connect import Contact, ContactKey, Event, FieldValue, mailbox_contact_id
from nps_connect.builtin.webhook import values
from nps_connect.builtin.webhook.expressions import evaluate
from nps_connect.builtin.webhook.settings import (
    ConditionSettings,
    KindSettings,
    MappingSettings,
    MomentSettings,
    PersonSettings,
)

PAYLOAD_KEY = "_payload"
"""Key under which an item of a list has the whole payload."""

MAX_ID_LENGTH = 200
MAX_ITEMS = 10_000
"""Entries of one payload: a megabyte holds that many with an id and an address each."""

CONTACT_KINDS = frozenset({"contact.deleted", "contact.privacy_deleted"})
"""Kinds whose object is the person: the core deletes or erases the contact."""


class UnmappedEntry(ValueError):
    """An entry has no value where a mapping needs one.

    Args:
        key: the key of the mapping.
        expression: its expression.
        problem: what is wrong with its value; never the value.
    """

    def __init__(self, key: str, expression: str, problem: str) -> None:
        super().__init__(f"{key}: {expression} {problem}")
        self.key = key
        self.expression = expression
        self.problem = problem


@dataclass(frozen=True)
class Payload:
    """A parsed webhook.

    Attributes:
        content: the JSON.
        headers: the stored headers, names in lower case.
        received_at: the moment of receipt.
    """

    content: Any
    headers: Mapping[str, str]
    received_at: datetime


def is_met(condition: ConditionSettings, payload: Payload) -> bool:
    """Whether a whole payload is one of those that a condition means."""
    return has_headers(condition, payload.headers) and is_when_met(condition, payload.content)


def has_headers(condition: ConditionSettings, headers: Mapping[str, str]) -> bool:
    """Whether the headers have the values of a condition."""
    return all(
        headers.get(name) in ((allowed,) if isinstance(allowed, str) else allowed)
        for name, allowed in condition.headers.items()
    )


def is_when_met(condition: ConditionSettings, entry: Any) -> bool:  # noqa: ANN401  # JSON
    """Whether the expression `when` of a condition holds for an entry."""
    return condition.when is None or bool(evaluate(condition.when, entry))


def iter_entries(mapping: MappingSettings, content: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401  # JSON
    """Yield each part of a payload (the payload, or each item of its list) with what expressions are applied to.

    Raises:
        UnmappedEntry: there is no list, or too long a one.
    """
    if mapping.items is None:
        yield content, content
        return
    items = evaluate(mapping.items, content)
    if not isinstance(items, list):
        raise UnmappedEntry("items", mapping.items, "is no list")
    if len(items) > MAX_ITEMS:
        raise UnmappedEntry("items", mapping.items, f"has more than {MAX_ITEMS} items")
    for item in items:
        content_of_item = item if isinstance(item, dict) else {"_item": item}
        yield item, {**content_of_item, PAYLOAD_KEY: content}


def find_kind(kind: str | KindSettings, content: Any, headers: Mapping[str, str]) -> str | None:  # noqa: ANN401  # JSON
    """Return the kind of an entry; None if its value is not in the table."""
    if isinstance(kind, str):
        return kind
    if kind.header is not None:
        return kind.values.get(headers.get(kind.header, ""))
    value = values.as_id(evaluate(kind.expression or "", content))
    return kind.values.get(value) if value is not None else None


def build_event(
    mapping: MappingSettings,
    kind: str,
    entry: Any,  # noqa: ANN401  # JSON
    received_at: datetime,
    connection: str,
) -> Event:
    """Return the event of an entry.

    Raises:
        UnmappedEntry: the object or the moment is missing or cannot be used.
    """
    object_id = values.as_id(evaluate(mapping.object_id, entry))
    if object_id is None:
        raise UnmappedEntry("object_id", mapping.object_id, "has no text and no number")
    if len(object_id) > MAX_ID_LENGTH:
        raise UnmappedEntry("object_id", mapping.object_id, f"is longer than {MAX_ID_LENGTH} characters")
    contact = build_contact(mapping.person, entry, connection)
    if kind in CONTACT_KINDS:
        if contact is None:
            raise UnmappedEntry("person", mapping.person.id or mapping.person.email or "", "names nobody")
        object_id = contact.id
    is_id_only = contact is not None and contact.email is None
    return Event(
        key=event_key(mapping, kind, object_id, entry),
        kind=kind,
        object_id=object_id,
        occurred_at=_occurred_at(mapping.occurred_at, entry) or received_at,
        contact_key=ContactKey(kind="id", value=contact.id) if contact is not None else None,
        contacts=(contact,) if contact is not None and not is_id_only else (),
        fields=read_fields(mapping, entry),
    )


def event_key(mapping: MappingSettings, kind: str, object_id: str, entry: Any) -> str:  # noqa: ANN401  # JSON
    """Return the key of a fact: kind and object, and what distinguishes several events of one kind and object.

    Raises:
        UnmappedEntry: what distinguishes them is missing.
    """
    if mapping.occurrence is None:
        return f"{kind}:{object_id}"
    occurrence = values.as_text(evaluate(mapping.occurrence, entry))
    if occurrence is None:
        raise UnmappedEntry("occurrence", mapping.occurrence, "has no text and no number")
    return f"{kind}:{object_id}:{hashlib.sha256(occurrence.encode('utf-8', 'replace')).hexdigest()[:32]}"


def build_contact(person: PersonSettings, entry: Any, connection: str) -> Contact | None:  # noqa: ANN401  # JSON
    """Return the person of an entry; None if it names nobody."""
    vendor_id = values.as_id(evaluate(person.id, entry)) if person.id else None
    email = values.as_email(evaluate(person.email, entry)) if person.email else None
    if vendor_id == "0" or (vendor_id is not None and len(vendor_id) > MAX_ID_LENGTH):
        vendor_id = None  # 0 is the id of everybody without an account
    if vendor_id is None and email is None:
        return None
    return Contact(
        connection=connection,
        id=vendor_id or mailbox_contact_id(email or ""),
        email=email,
        name=values.as_name(evaluate(person.name, entry)) if person.name else None,
        language=values.as_language(evaluate(person.language, entry)) if person.language else None,
    )


def read_fields(mapping: MappingSettings, entry: Any) -> dict[str, FieldValue]:  # noqa: ANN401  # JSON
    """Return the fields of an entry; those without a usable value are left out."""
    field_values: dict[str, FieldValue] = {}
    for name in mapping.fields:
        field = mapping.field(name)
        value = values.as_field(evaluate(field.expression, entry), field.type)
        if value is not None:
            field_values[name] = value
    return field_values


def _occurred_at(moment: str | MomentSettings | None, entry: Any) -> datetime | None:  # noqa: ANN401  # JSON
    """Return when an entry happened; None if the mapping does not say.

    Raises:
        UnmappedEntry: there is no moment, or one without a zone.
    """
    if moment is None:
        return None
    expression, zone = (moment, None) if isinstance(moment, str) else (moment.expression, moment.zone)
    occurred_at = values.as_moment(evaluate(expression, entry), zone)
    if occurred_at is None:
        problem = "is no time" if zone else "is no time with an offset; for times without one, set its zone"
        raise UnmappedEntry("occurred_at", expression, problem)
    return occurred_at
