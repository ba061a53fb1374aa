"""Events of a stored webhook, by the mappings of its connection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from nps_connect import Connection, Event, SkippedEntries, WebhookRejected, WebhookRequest, hookimpl
from nps_connect.builtin.webhook.mapping import (
    Payload,
    UnmappedEntry,
    build_event,
    find_kind,
    has_headers,
    is_met,
    is_when_met,
    iter_entries,
)
from nps_connect.builtin.webhook.settings import MappingSettings, WebhookSettings


@hookimpl
def nps_parse_events(
    connection: Connection[WebhookSettings], request: WebhookRequest
) -> Sequence[Event | SkippedEntries]:
    """Return the events of a webhook: of the payload, or of each item of its list, by the first mapping that applies.

    Items that no mapping reads are left out, if others are read. Those that cannot be read are counted.

    Raises:
        WebhookRejected: `unreadable`: nothing applies, or no entry can be read. The request is kept.
    """
    settings = connection.settings
    payload = Payload(_parse_body(request), request.headers, request.received_at)
    result = read_payload(settings.mappings, payload, connection.name)
    if result.events or (result.is_applied and not result.problems):
        skipped = [SkippedEntries(count=len(result.problems), reason="unreadable_entry")] if result.problems else []
        return [*result.events.values(), *skipped]
    if result.is_applied:
        raise WebhookRejected("unreadable", str(result.problems[0]))
    if settings.incoming is not None and any(is_met(condition, payload) for condition in settings.incoming.ignored):
        return []
    reason = str(result.list_problem) if result.list_problem else "no mapping applies" + _describe_topic(request)
    raise WebhookRejected("unreadable", reason)


@dataclass
class PayloadResult:
    """What the mappings read of a payload.

    Attributes:
        events: by key; entries of one fact are one event.
        entries: how many entries a mapping read.
        problems: entries that cannot be read.
        list_problem: why the first mapping with `items` found no list; None if each found one.
        is_applied: whether a mapping applies.
    """

    events: dict[str, Event] = field(default_factory=dict)
    entries: int = 0
    problems: list[UnmappedEntry] = field(default_factory=list)
    list_problem: UnmappedEntry | None = None
    is_applied: bool = False


def read_payload(mappings: Iterable[MappingSettings], payload: Payload, connection: str) -> PayloadResult:
    """Read a payload, or each item of its list, by the first mapping that applies to it."""
    result = PayloadResult()
    read_by_id: dict[int, Any] = {}  # holds the items, so that no identity is used again
    for mapping in mappings:
        if not has_headers(mapping, payload.headers) or (mapping.items is None and result.is_applied):
            continue
        try:
            entries = list(iter_entries(mapping, payload.content))
        except UnmappedEntry as error:
            result.list_problem = result.list_problem or error
            continue
        result.is_applied |= not entries
        read_items: list[Any] = []
        for item, entry in entries:
            if id(item) in read_by_id or not is_when_met(mapping, entry):
                continue
            kind = find_kind(mapping.kind, entry, payload.headers)
            if kind is not None:
                result.is_applied = True
                read_items.append(item)
                _read_entry(result, mapping, kind, entry, payload, connection)
        if mapping.items is None and result.is_applied:
            break
        read_by_id |= {id(item): item for item in read_items}
    return result


def _read_entry(
    result: PayloadResult,
    mapping: MappingSettings,
    kind: str,
    entry: Any,  # noqa: ANN401  # JSON
    payload: Payload,
    connection: str,
) -> None:
    try:
        event = build_event(mapping, kind, entry, payload.received_at, connection)
    except UnmappedEntry as error:
        result.problems.append(error)
    except ValidationError:
        result.problems.append(UnmappedEntry("object_id", mapping.object_id, "or another value cannot be stored"))
    else:
        result.entries += 1
        result.events.setdefault(event.key, event)


def _parse_body(request: WebhookRequest) -> object:
    content = request.json()
    if not isinstance(content, dict | list):
        raise WebhookRejected("unreadable", "neither a JSON object nor a list")
    return content


def _describe_topic(request: WebhookRequest) -> str:
    """Return the headers that usually name the kind of a payload."""
    topics = [f"{name} {value[:60]}" for name, value in sorted(request.headers.items()) if name.endswith("-topic")]
    return f" ({', '.join(topics)})" if topics else ""
