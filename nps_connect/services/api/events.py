"""Events by the API: the same facts as by webhook and poll, with the same keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlmodel import Session

from nps_connect.ledger.audit_log import record_audit
from nps_connect.ledger.columns import decide_queue
from nps_connect.records.api_requests import EventRequest
from nps_connect.records.api_results import ApiProblem, ApiResult, ContactReference, EventResult, invalid
from nps_connect.records.contacts import Contact
from nps_connect.records.events import CONTACT_EVENT_KINDS, Event, fact_key
from nps_connect.services.api.handler import PreparedWrite, WriteHandler
from nps_connect.services.api.people import build_person, require_connection
from nps_connect.services.contacts.known_contacts import load_known_contacts, merge_known_contact
from nps_connect.services.context import Context
from nps_connect.services.intake.store_events import store_events
from nps_connect.settings.key_paths import nearest

MAX_LEAD = timedelta(days=1)
"""How far in the future an event may lie: clocks differ, and zones are mistaken."""


class ApiEvent(NamedTuple):
    """An event to be stored.

    Attributes:
        connection: of the event.
        event: the event.
        contact: whom it is about, if the id is known.
    """

    connection: str
    event: Event
    contact: Contact | None


def _prepare(ctx: Context, request: EventRequest) -> ApiEvent:
    require_connection(ctx, request.connection)
    kinds = [kind.name for kind in ctx.event_kinds(request.connection) if kind.name not in CONTACT_EVENT_KINDS]
    if request.kind not in kinds:
        hint = nearest(request.kind, kinds)
        allowed = f"; allowed: {', '.join(kinds)}" if kinds else ""
        raise invalid("kind", "the connection has no such kind" + (f"; did you mean {hint!r}?" if hint else allowed))
    if request.occurred_at > ctx.clock() + MAX_LEAD:
        raise invalid("occurred_at", "lies in the future")
    person = build_person(request.contact)
    has_lookup = ctx.has(request.connection, "nps_find_contacts")
    contact = None if has_lookup else person.as_contact(request.connection)
    event = Event(
        key=request.key or fact_key(request.kind, request.object_id, request.occurred_at),
        kind=request.kind,
        object_id=request.object_id,
        occurred_at=request.occurred_at,
        contact_key=person.key if has_lookup else None,
        contacts=() if contact is None else (contact,),
        fields=request.fields,
    )
    reference = contact or (
        Contact(connection=request.connection, id=request.contact.id) if request.contact.id else None
    )
    return ApiEvent(request.connection, event, reference)


def _store(
    ctx: Context, session: Session, writes: Sequence[PreparedWrite], queues: set[str]
) -> Sequence[ApiResult | ApiProblem]:
    by_connection: dict[str, list[Event]] = defaultdict(list)
    by_audit: dict[tuple[str, str], int] = defaultdict(int)
    stored_contacts = load_known_contacts(
        session, [(contact.connection, contact.id) for write in writes for contact in write.prepared.event.contacts]
    )
    for write in writes:
        connection, event, _ = write.prepared
        if event.contacts:
            event = event.copy_unvalidated(contacts=(merge_known_contact(event.contacts[0], stored_contacts),))
        by_connection[connection].append(event)
        by_audit[write.caller.name, connection] += 1
    unreported: dict[str, set[str]] = {}
    for connection, events in sorted(by_connection.items()):
        unreported[connection] = store_events(ctx, session, connection, events, source="api").new
        queues.add(decide_queue(connection))
    for write in writes:
        count = by_audit.pop((write.caller.name, write.prepared.connection), 0)
        if count:
            target = f"connection:{write.prepared.connection}, events: {count}"
            record_audit(session, write.actor, "events send", target, now=ctx.clock())
    results = []
    for write in writes:
        connection, event, contact = write.prepared
        is_new = event.key in unreported[connection]
        unreported[connection].discard(event.key)
        reference = None if contact is None else ContactReference(connection=contact.connection, id=contact.id)
        body = EventResult(connection=connection, key=event.key, new=is_new, contact=reference)
        results.append(ApiResult(202 if is_new else 200, body.model_dump(mode="json")))
    return results


EVENT_HANDLER = WriteHandler(_prepare, _store)
