"""Events of a stored webhook, by the mappings of its connection."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pydantic import ValidationError

from nps_connect import Connection, Event, SkippedEntries, WebhookRejected, WebhookRequest, hookimpl
from nps_connect.builtin.webhook.mapping import (
    Payload,
    UnmappedEntry,
    build_event,
    find_kind,
    is_met,
    iter_entries,
)
from nps_connect.builtin.webhook.settings import MappingSettings, WebhookSettings


@hookimpl
def nps_parse_events(connection: Connection, request: WebhookRequest) -> Sequence[Event | SkippedEntries]:
    """Return the events of a webhook by the first mapping that applies.

    Raises:
        WebhookRejected: `unreadable`: nothing applies, or no entry can be read. The request is kept.
    """
    settings: WebhookSettings = connection.settings
    payload = Payload(_parse_body(request.body), request.headers, request.received_at)
    for mapping in settings.mappings:
        if not is_met(mapping, payload):
            continue
        try:
            entries = map_payload(mapping, payload, connection.name)
        except UnmappedEntry as error:
            raise WebhookRejected("unreadable", str(error)) from None
        if entries is not None:
            return entries
    if settings.incoming is not None and any(is_met(condition, payload) for condition in settings.incoming.ignored):
        return []
    raise WebhookRejected("unreadable", "no mapping applies" + _describe_topic(request))


def map_payload(mapping: MappingSettings, payload: Payload, connection: str) -> list[Event | SkippedEntries] | None:
    """Return the events of a payload; None if it has entries, and the kind of each is not in the mapping's table.

    Entries that cannot be read are counted, if others can. Entries of one fact are one event.

    Raises:
        UnmappedEntry: no entry can be read; the first problem.
    """
    events: dict[str, Event] = {}
    problems: list[UnmappedEntry] = []
    is_foreign = False
    for entry in iter_entries(mapping, payload.content):
        kind = find_kind(mapping.kind, entry, payload.headers)
        if kind is None:
            is_foreign = True
            continue
        try:
            event = build_event(mapping, kind, entry, payload.received_at, connection)
        except UnmappedEntry as error:
            problems.append(error)
        except ValidationError:
            problems.append(UnmappedEntry("object_id", mapping.object_id, "or another value cannot be stored"))
        else:
            events.setdefault(event.key, event)
    if problems and not events:
        raise problems[0]
    if is_foreign and not events:
        return None
    skipped = [SkippedEntries(count=len(problems), reason="unreadable_entry")] if problems else []
    return [*events.values(), *skipped]


def _parse_body(body: bytes) -> object:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise WebhookRejected("unreadable", "not JSON") from None
    if not isinstance(content, dict | list):
        raise WebhookRejected("unreadable", "neither a JSON object nor a list")
    return content


def _describe_topic(request: WebhookRequest) -> str:
    """Return the headers that usually name the kind of a payload."""
    topics = [f"{name} {value[:60]}" for name, value in sorted(request.headers.items()) if name.endswith("-topic")]
    return f" ({', '.join(topics)})" if topics else ""
