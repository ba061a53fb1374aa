"""Parse stored webhooks into events and decide these in the same transaction where nothing prevents it.

Events wait in the queue of their connection instead while older events wait, decisions are paused or the vendor is
unavailable (docs/adr/0010-decide-on-parse.md).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from nps_connect.errors import WebhookRejected
from nps_connect.ledger import claims, pauses
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.counters import increment_counter
from nps_connect.ledger.tables import EventRow, RawRequest
from nps_connect.records.events import CONTACT_EVENT_KINDS, Event, ForeignEntries, WebhookRequest
from nps_connect.services.context import Context, decide_queue, parse_queue
from nps_connect.services.decisions.claim_events import StoredEvent, complete_events, error_summary
from nps_connect.services.decisions.decide_batch import SavedColumns, decide_batch
from nps_connect.services.intake.store_events import build_kind_filter, insert_events, sort_events, store_events
from nps_connect.services.invitations.invite import ReservationConflict

log = logging.getLogger(__name__)

REQUEST_BATCH = 100
"""Requests per claim."""

EVENTS_PER_TRANSACTION = 500
"""From this number of events on a transaction is committed, so that other writers get their turn."""

OTHER_ACCOUNT_COUNTER = "webhook_another_account"
"""Counter of webhook entries that concern another account of the vendor."""

_SaveEvents = Callable[[Session], tuple[set[str], set[str]]]
"""Stores events in a transaction; returns the keys of the new ones and the queues with new work."""

_SELECT_STORED_KEYS = select(col(EventRow.key)).where(
    col(EventRow.connection) == bindparam("connection_name"), in_list(col(EventRow.key), "keys")
)


@dataclass(frozen=True)
class _ParsedRequest:
    """A request with its events and the number of entries about another account, or why it is unreadable."""

    row: RawRequest
    events: tuple[Event, ...] = ()
    foreign: int = 0
    problem: str | None = None


@dataclass
class ParsedEvents:
    """Events that were just parsed and completed, as a feeder of `decide_batch`.

    Attributes:
        ctx: the joined parts.
        connection: whose events they are.
        events: completed, in the order in which they happened.
        saved_keys: keys of those that were new; known after `save`.
    """

    ctx: Context
    connection: str
    events: Sequence[Event]
    saved_keys: set[str] = field(default_factory=set)

    def lock(self, _session: Session) -> Sequence[Event]:
        """Return all events: their rows do not exist yet."""
        return self.events

    def save(self, session: Session, columns: Mapping[str, SavedColumns]) -> list[StoredEvent]:
        """Insert the events and return those that no other worker has inserted in the meantime."""
        values = {key: {"state": "succeeded", **saved._asdict()} for key, saved in columns.items()}
        ids = insert_events(self.ctx, session, self.connection, self.events, source="webhook", columns=values)
        self.saved_keys, now = set(ids), self.ctx.clock()
        return [
            StoredEvent(ids[event.key], self.connection, now, 0, event) for event in self.events if event.key in ids
        ]


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
    for row in rows:
        parsed.append(_parse_request(ctx, row))
        if sum(len(request.events) for request in parsed) >= EVENTS_PER_TRANSACTION:
            _settle_requests(ctx, connection, token, parsed)
            parsed = []
    _settle_requests(ctx, connection, token, parsed)
    ctx.wake(decide_queue(connection))
    return len(rows)


def _parse_request(ctx: Context, row: RawRequest) -> _ParsedRequest:
    try:
        entries = parse_webhook(ctx, row)
    except WebhookRejected as error:
        return _ParsedRequest(row, problem=error_summary(ctx, error))
    except Exception as error:  # a plugin's bug must not lose the request
        log.exception("webhook_parser_failed connection=%s request=%s", row.connection, row.id)
        return _ParsedRequest(row, problem=error_summary(ctx, error))
    foreign = sum(entry.count for entry in entries if isinstance(entry, ForeignEntries))
    return _ParsedRequest(row, tuple(entry for entry in entries if not isinstance(entry, ForeignEntries)), foreign)


def parse_webhook(ctx: Context, row: RawRequest) -> Sequence[Event | ForeignEntries]:
    """Let the plugin parse a stored webhook.

    Raises:
        WebhookRejected: the plugin cannot read it.
    """
    request = WebhookRequest(
        method=row.method, url=row.url, headers=row.headers, body=row.body, received_at=row.received_at
    )
    connection = ctx.connections[row.connection]
    entries: Sequence[Event | ForeignEntries] = ctx.plugins.call(
        ctx.plugin_name(row.connection), "nps_parse_events", connection=connection, request=request
    )
    return entries


def _settle_requests(ctx: Context, connection: str, token: str, parsed: Sequence[_ParsedRequest]) -> None:
    """Store the events of several requests and decide them now, or leave them in the queue if that fails."""
    events = sort_events(event for request in parsed for event in request.events)
    decide_now = _prepare_decisions(ctx, connection, events) if events else None
    if decide_now is not None:
        try:
            return _save(ctx, connection, token, parsed, decide_now)
        except ReservationConflict:
            log.info("decisions_queued connection=%s reason=reservation_conflict", connection)
        except Exception:  # one event that cannot be decided must not prevent the others from being stored
            log.exception("decisions_queued connection=%s events=%d", connection, len(events))
    return _save(
        ctx,
        connection,
        token,
        parsed,
        lambda session: (store_events(ctx, session, connection, events, source="webhook"), set()),
    )


def _prepare_decisions(ctx: Context, connection: str, events: Sequence[Event]) -> _SaveEvents | None:
    """Complete the events that are new; return how to save them in a transaction, or None if they have to wait."""
    with ctx.ledger.read() as session:
        if not _can_bypass_queue(ctx, session, connection):
            return None
        keys = {"connection_name": connection, "keys": [event.key for event in events]}
        stored_keys = set(session.execute(_SELECT_STORED_KEYS, keys).scalars())
    new_events = [event for event in events if event.key not in stored_keys]
    if any(event.kind in CONTACT_EVENT_KINDS for event in new_events):
        return None
    is_listened = build_kind_filter(ctx, connection)
    listened = [event for event in new_events if is_listened(event.kind)]
    others = [event for event in new_events if not is_listened(event.kind)]
    ctx.leases.record_progress()
    try:
        batch = ParsedEvents(ctx, connection, complete_events(ctx, connection, listened))
    except Exception as failure:  # noqa: BLE001  # DeliveryError or a plugin's bug: retried by the intake plan
        error = failure
        log.warning("events_deferred connection=%s events=%d error=%s", connection, len(listened), type(error).__name__)
        return lambda session: (
            store_events(ctx, session, connection, new_events, source="webhook", error=error),
            set(),
        )

    def save(session: Session) -> tuple[set[str], set[str]]:
        other_keys = store_events(ctx, session, connection, others, source="webhook")
        queues = decide_batch(ctx, session, batch)
        return other_keys | batch.saved_keys, queues

    return save


def _can_bypass_queue(ctx: Context, session: Session, connection: str) -> bool:
    """Whether no older event waits for its decision and decisions are not paused."""
    queue_name = decide_queue(connection)
    due_at = claims.next_due(session, EventRow, queue_name)
    is_paused = pauses.queue_scope(connection, "decide") in pauses.load_paused_scopes(session)
    return not is_paused and (due_at is None or due_at > ctx.clock())


def _save(
    ctx: Context, connection: str, token: str, parsed: Sequence[_ParsedRequest], save_events: _SaveEvents
) -> None:
    """Save the events and settle their requests; a fact counts as new for the first request that contains it."""
    foreign = sum(request.foreign for request in parsed)
    with ctx.ledger.write() as session:
        new_keys, queues = save_events(session)
        settled: dict[int, dict[str, Any]] = {}
        for request in parsed:
            row_id = request.row.id or 0
            settled[row_id] = _settled_values(request, new_keys)
            new_keys -= {event.key for event in request.events}
            if request.problem is not None:
                log.error("webhook_unreadable connection=%s request=%s: %s", connection, row_id, request.problem)
        if foreign:
            increment_counter(session, OTHER_ACCOUNT_COUNTER, connection, ctx.clock().date(), foreign)
        claims.settle_many(session, RawRequest, settled, token=token)
    for queue_name in queues:
        ctx.wake(queue_name)


def _settled_values(request: _ParsedRequest, new_keys: set[str]) -> dict[str, Any]:
    if request.problem is not None:
        return {"state": "dead", "last_error": request.problem}
    new = len(new_keys & {event.key for event in request.events})
    return {"state": "succeeded", "events_new": new, "events_duplicate": len(request.events) - new}
