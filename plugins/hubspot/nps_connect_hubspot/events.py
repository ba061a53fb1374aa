"""Events of webhook bodies. Pure.

A body is an array of up to 100 entries, unordered and with repeats. Both forms of subscription are parsed: the classic
one (``deal.propertyChange``) and the generic one (``object.propertyChange`` with an ``objectTypeId``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from nps_connect import Connection, Event, SkippedEntries, WebhookRejected, WebhookRequest, hookimpl
from nps_connect_hubspot.event_kinds import (
    contact_event,
    deal_stage_events,
    property_changed_event,
    ticket_stage_events,
)
from nps_connect_hubspot.settings import HubSpotSettings

REDACTED = "REDACTED"
_OBJECT_TYPES = {"0-1": "contact", "0-3": "deal", "0-5": "ticket"}
_CONTACT_EVENT_KINDS = {
    "contact.creation": "contact.created",
    "contact.deletion": "contact.deleted",
    "contact.privacyDeletion": "contact.privacy_deleted",
}
_STAGE_EVENTS: Mapping[tuple[str, str], Callable[[HubSpotSettings, str, str, datetime], Iterator[Event]]] = {
    ("deal.propertyChange", "dealstage"): deal_stage_events,
    ("ticket.propertyChange", "hs_pipeline_stage"): ticket_stage_events,
}
_LATEST_MILLIS = 253_402_300_799_999


@hookimpl
def nps_parse_events(
    connection: Connection[HubSpotSettings], request: WebhookRequest
) -> Sequence[Event | SkippedEntries]:
    """Return the events of a webhook, each once, oldest first; entries of other subscription types have none.

    An app has one address for all portals. Entries of another portal than `portal_id`, and single entries that cannot
    be read, are only counted; a request with nothing else is unreadable, so that it is stored and visible.
    """
    settings = connection.settings
    entries = _entries(request)
    own_entries = [entry for entry in entries if _is_own_portal(entry, settings)]
    if entries and not own_entries:
        raise WebhookRejected("unreadable", f"every entry is about another portal than portal_id {settings.portal_id}")
    by_key: dict[str, Event] = {}
    problems: list[WebhookRejected] = []
    for entry in own_entries:
        try:
            by_key |= {event.key: event for event in _entry_events(entry, settings) if event.key not in by_key}
        except WebhookRejected as problem:
            problems.append(problem)
    if own_entries and len(problems) == len(own_entries):
        raise problems[0]
    events = sorted(by_key.values(), key=lambda event: event.occurred_at)
    return [
        *events,
        *_skipped(len(entries) - len(own_entries), "another_account"),
        *_skipped(len(problems), "unreadable_entry"),
    ]


def _skipped(count: int, reason: Literal["another_account", "unreadable_entry"]) -> list[SkippedEntries]:
    return [SkippedEntries(count=count, reason=reason)] if count else []


def _entries(request: WebhookRequest) -> list[object]:
    content = request.json()
    return content if isinstance(content, list) else [content]


def _is_own_portal(entry: object, settings: HubSpotSettings) -> bool:
    """Return whether an entry may be about the configured portal; what is no entry is unreadable, not foreign."""
    if settings.portal_id is None or not isinstance(entry, dict):
        return True
    return str(entry.get("portalId")) == str(settings.portal_id)


def _entry_events(entry: object, settings: HubSpotSettings) -> Iterator[Event]:
    if not isinstance(entry, dict) or not isinstance(entry.get("subscriptionType"), str):
        raise WebhookRejected("unreadable", "the body is not a list of entries with a subscriptionType")
    kind, name = _subscription_type(entry), _property_name(entry)
    if kind in _CONTACT_EVENT_KINDS:
        yield contact_event(_CONTACT_EVENT_KINDS[kind], _record_id(entry, "objectId"), _occurred_at(entry))
    elif kind == "contact.merge":
        survivor = _record_id(entry, "newObjectId", "primaryObjectId", "objectId")
        yield contact_event("contact.merged", survivor, _occurred_at(entry), _merged_ids(entry, survivor))
    elif kind == "contact.propertyChange" and name:
        yield property_changed_event(_record_id(entry, "objectId"), name, _property_value(entry), _occurred_at(entry))
    elif (kind, name) in _STAGE_EVENTS:
        stage = _property_value(entry)
        if stage is not None:
            yield from _STAGE_EVENTS[kind, name](settings, _record_id(entry, "objectId"), stage, _occurred_at(entry))


def _subscription_type(entry: dict[str, Any]) -> str:
    """Return the subscription type in the classic form."""
    kind: str = entry["subscriptionType"]
    noun, _, verb = kind.partition(".")
    return f"{_OBJECT_TYPES.get(str(entry.get('objectTypeId')), noun)}.{verb}" if noun == "object" else kind


def _property_name(entry: dict[str, Any]) -> str:
    """Return the name of the changed property, at most 100 characters."""
    name = entry.get("propertyName")
    return name[:100] if isinstance(name, str) else ""


def _property_value(entry: dict[str, Any]) -> str | None:
    """Return the new value; None if it is empty or withheld (sensitive properties)."""
    value = entry.get("propertyValue")
    if value is None or value in ("", REDACTED):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:1000] if isinstance(value, str | int | float) else None


def _record_id(entry: dict[str, Any], *names: str) -> str:
    for name in names:
        value = entry.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return str(value)[:200]
        if isinstance(value, str) and value.isascii() and value.isdigit():
            return value[:200]
    raise WebhookRejected("unreadable", f"an entry has no {names[0]}")


def _merged_ids(entry: dict[str, Any], survivor: str) -> tuple[str, ...]:
    listed = entry.get("mergedObjectIds")
    ids = [*(listed if isinstance(listed, list) else []), entry.get("primaryObjectId")]
    candidates = (str(value) for value in ids if isinstance(value, int | str) and not isinstance(value, bool))
    return tuple(dict.fromkeys(value for value in candidates if value != survivor))


def _occurred_at(entry: dict[str, Any]) -> datetime:
    millis = entry.get("occurredAt")
    if isinstance(millis, bool) or not isinstance(millis, int) or not 0 <= millis <= _LATEST_MILLIS:
        raise WebhookRejected("unreadable", "an entry has no occurredAt in milliseconds")
    return datetime.fromtimestamp(millis / 1000, UTC)
