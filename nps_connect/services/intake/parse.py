"""Parse stored webhooks into events and decide these in the same transaction where nothing prevents it.

Events wait in the queue of their connection instead while older events wait, decisions are paused or the vendor is
unavailable (docs/adr/0010-decide-on-parse.md).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from nps_connect.errors import WebhookRejected
from nps_connect.ledger import claims, pauses
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.columns import decide_queue, parse_queue
from nps_connect.ledger.counters import REFUSED_WEBHOOKS_PREFIX, increment_counter
from nps_connect.ledger.tables import EventRow, RawRequest
from nps_connect.records.events import CONTACT_EVENT_KINDS, Event, SkippedEntries
from nps_connect.services.context import Context
from nps_connect.services.decisions.claim_events import error_summary
from nps_connect.services.decisions.decide_batch import complete_events, decide_batch, prepare_events
from nps_connect.services.decisions.trigger_evaluator import StoredEvent
from nps_connect.services.intake.store_events import (
    StoredKeys,
    build_kind_filter,
    insert_events,
    sort_events,
    store_events,
)
from nps_connect.services.invitations.invite import ReservationConflict

log = logging.getLogger(__name__)

REQUEST_BATCH = 100
"""Requests per claim."""

EVENTS_PER_TRANSACTION = 500
"""From this number of events on a transaction is committed, so that other writers get their turn."""

_SELECT_STORED_KEYS = select(col(EventRow.key)).where(
    col(EventRow.connection) == bindparam("connection_name"), in_list(col(EventRow.key), "keys")
)


@dataclass(frozen=True)
class _ParsedRequest:
    """A request with its events and its skipped entries, or why it is unreadable."""

    row: RawRequest
    events: list[Event] = field(default_factory=list)
    skipped: list[SkippedEntries] = field(default_factory=list)
    problem: str | None = None


@dataclass(frozen=True)
class _IntakeEvents:
    """Events of one transaction.

    Attributes:
        waiting: stored only: nobody listens to them, or they are decided later.
        completed: new events that are stored and decided.
        error: why `waiting` could not be completed.
    """

    waiting: Sequence[Event] = ()
    completed: Sequence[Event] = ()
    error: Exception | None = None


def drain_requests(ctx: Context, connection: str) -> int:
    """Parse a batch of stored webhooks of one connection; return how many were claimed.

    A request that the plugin cannot parse goes dead: it stays visible and can be replayed after a fix.
    """
    token = ctx.token()
    with ctx.ledger.write() as session:
        rows = claims.claim(
            session, RawRequest, parse_queue(connection), token=token, now=ctx.clock(), limit=REQUEST_BATCH
        )
    if not rows:
        return 0
    parsed: list[_ParsedRequest] = []
    events: list[Event] = []
    for row in rows:
        request = _parse_request(ctx, row)
        parsed.append(request)
        events += request.events
        if len(events) >= EVENTS_PER_TRANSACTION:
            _settle_requests(ctx, connection, token, parsed, events)
            parsed, events = [], []
    _settle_requests(ctx, connection, token, parsed, events)
    ctx.wake(decide_queue(connection))
    return len(rows)


def _parse_request(ctx: Context, row: RawRequest) -> _ParsedRequest:
    try:
        entries = ctx.parse_webhook(row)
    except WebhookRejected as error:
        return _ParsedRequest(row, problem=error_summary(ctx, error))
    except Exception as error:  # a plugin's bug must not lose the request
        log.exception("webhook_parser_failed connection=%s request=%s", row.connection, row.id)
        return _ParsedRequest(row, problem=error_summary(ctx, error))
    request = _ParsedRequest(row)
    for entry in entries:
        if isinstance(entry, SkippedEntries):
            request.skipped.append(entry)
            text = "webhook_entries_skipped connection=%s request=%s reason=%s entries=%d"
            log.warning(text, row.connection, row.id, entry.reason, entry.count)
        else:
            request.events.append(entry)
    return request


def _settle_requests(
    ctx: Context, connection: str, token: str, parsed: Sequence[_ParsedRequest], parsed_events: Sequence[Event]
) -> None:
    """Store the events of several requests and decide them now, or leave them in the queue if that fails."""
    events = sort_events(parsed_events)
    intake_events = _complete_new_events(ctx, connection, events)
    if intake_events.completed:
        try:
            return _save(ctx, connection, token, parsed, intake_events)
        except ReservationConflict:
            log.info("decisions_queued connection=%s reason=reservation_conflict", connection)
        except Exception:  # one event that cannot be decided must not prevent the others from being stored
            log.exception("decisions_queued connection=%s events=%d", connection, len(events))
        intake_events = _IntakeEvents(waiting=events)
    return _save(ctx, connection, token, parsed, intake_events)


def _complete_new_events(ctx: Context, connection: str, events: Sequence[Event]) -> _IntakeEvents:
    """Complete the new events that somebody listens to, unless they have to wait for others."""
    with ctx.ledger.read() as session:
        if not events or not _can_bypass_queue(ctx, session, connection):
            return _IntakeEvents(waiting=events)
        keys = {"connection_name": connection, "keys": [event.key for event in events]}
        stored_keys = set(session.execute(_SELECT_STORED_KEYS, keys).scalars())
    is_listened = build_kind_filter(ctx, connection)
    listened: list[Event] = []
    ignored: list[Event] = []
    for event in events:
        if event.key in stored_keys:
            continue
        if event.kind in CONTACT_EVENT_KINDS:
            return _IntakeEvents(waiting=events)
        (listened if is_listened(event.kind) else ignored).append(event)
    ctx.leases.record_progress()
    try:
        completed = complete_events(ctx, connection, listened)
    except Exception as error:  # noqa: BLE001  # DeliveryError or a plugin's bug: retried by the intake plan
        log.warning("events_deferred connection=%s events=%d error=%s", connection, len(listened), type(error).__name__)
        return _IntakeEvents([*ignored, *listened], error=error)
    return _IntakeEvents(ignored, completed)


def _can_bypass_queue(ctx: Context, session: Session, connection: str) -> bool:
    """Whether no older event waits for its decision and decisions are not paused."""
    queue_name = decide_queue(connection)
    due_at = claims.next_due(session, EventRow, queue_name)
    is_paused = pauses.queue_scope(connection, "decide") in pauses.load_paused_scopes(session)
    return not is_paused and (due_at is None or due_at > ctx.clock())


def _save(
    ctx: Context, connection: str, token: str, parsed: Sequence[_ParsedRequest], intake_events: _IntakeEvents
) -> None:
    """Save the events and settle their requests; a fact counts as new for the first request that contains it."""
    skipped: Counter[str] = Counter()
    with ctx.ledger.write() as session:
        (new_keys, erased_keys), queues = _save_events(ctx, session, connection, intake_events)
        settled: dict[int, dict[str, Any]] = {}
        for request in parsed:
            row_id, keys = request.row.id or 0, {event.key for event in request.events}
            new = len(new_keys & keys)
            settled[row_id] = {"state": "succeeded", "events_new": new, "events_duplicate": len(request.events) - new}
            new_keys -= keys
            if not erased_keys.isdisjoint(keys):
                settled[row_id] |= {"body": b"", "headers": {}}
                ctx.ledger.truncate_wal()
            for group in request.skipped:
                skipped[group.reason] += group.count
            if request.problem is not None:
                log.error(
                    "webhook_unreadable connection=%s request=%s finding=webhooks-unreadable: %s",
                    connection,
                    row_id,
                    request.problem,
                )
                settled[row_id] = {"state": "dead", "last_error": request.problem}
        for reason, count in skipped.items():
            increment_counter(session, REFUSED_WEBHOOKS_PREFIX + reason, connection, ctx.clock().date(), count)
        claims.settle_many(session, RawRequest, settled, token=token)
    for queue_name in queues:
        ctx.wake(queue_name)


def _save_events(ctx: Context, session: Session, connection: str, events: _IntakeEvents) -> tuple[StoredKeys, set[str]]:
    """Store and decide events; return their keys and the queues with new work."""
    keys = StoredKeys(set(), set())
    if events.waiting:
        keys = store_events(ctx, session, connection, events.waiting, source="webhook", error=events.error)
    if not events.completed:
        return keys, set()
    prepared = prepare_events(ctx, session, connection, events.completed)
    columns = {key: {"state": "succeeded", **saved._asdict()} for key, saved in prepared.columns.items()}
    ids = insert_events(ctx, session, connection, events.completed, source="webhook", columns=columns)
    now = ctx.clock()
    stored = [StoredEvent(ids[event.key], connection, now, 0, event) for event in events.completed if event.key in ids]
    keys = StoredKeys(keys.new | ids.keys(), keys.erased | prepared.erased.keys())
    return keys, decide_batch(ctx, session, connection, stored, prepared)
