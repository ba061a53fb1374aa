"""Intake, second half: from raw requests and polled pages to events in the ledger, each fact once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from nps_connect.errors import WebhookRejected
from nps_connect.ledger import claims
from nps_connect.ledger.tables import RawRequest
from nps_connect.ledger.upserts import increment_counter
from nps_connect.records.events import Event, ForeignEntries, WebhookRequest
from nps_connect.services.context import Context, decide_queue, parse_queue
from nps_connect.services.decisions.event_retry import error_summary
from nps_connect.services.intake.fresh_events import prepare_fresh_events
from nps_connect.services.intake.store_events import sort_events, store_events
from nps_connect.services.invitations.invite import ReservationConflict

log = logging.getLogger(__name__)

REQUEST_BATCH = 100
"""Requests that are claimed at once."""

EVENTS_PER_TRANSACTION = 500
"""Events of one transaction: more are written in several, so that others get their turn in between."""

OTHER_ACCOUNT_COUNTER = "webhook_another_account"
"""The name of the counter of entries that concern another account of the vendor."""


_StoreEvents = Callable[[Session], tuple[set[str], set[str]]]
"""Stores events; gives the keys of the new ones, and the queues that have work now."""


@dataclass(frozen=True)
class _ParsedRequest:
    """A request and what it told: events, how many entries about another account, or why it cannot be read."""

    row: RawRequest
    events: tuple[Event, ...] = ()
    foreign: int = 0
    unreadable: str | None = None


def drain_requests(ctx: Context, connection: str) -> int:
    """Parse a batch of stored webhooks of one connection; returns how many were worked off.

    A request that the plugin cannot read ends dead: stored, visible, and to be replayed after a fix.
    """
    token = ctx.token()
    with ctx.ledger.write() as session:
        rows = claims.claim(
            session, RawRequest, parse_queue(connection), token=token, now=ctx.clock(), limit=REQUEST_BATCH
        )
    if not rows:
        return 0
    together: list[_ParsedRequest] = []
    for row in rows:
        together.append(_parse(ctx, row))
        if sum(len(one.events) for one in together) >= EVENTS_PER_TRANSACTION:
            _settle(ctx, connection, token, together)
            together = []
    _settle(ctx, connection, token, together)
    ctx.wake(decide_queue(connection))
    return len(rows)


def _settle(ctx: Context, connection: str, token: str, read: Sequence[_ParsedRequest]) -> None:
    """Write down what several requests told, and decide on it at once where nothing is in the way."""
    told = sort_events(event for one in read for event in one.events)
    ready = prepare_fresh_events(ctx, connection, told) if told else None
    if ready is not None:
        try:
            return _write(ctx, connection, token, read, ready.settle)
        except ReservationConflict:
            log.info("a cooldown was taken meanwhile connection=%s", connection)
        except Exception:  # one event that cannot be decided on must not keep the others from being stored
            log.exception("events wait connection=%s count=%d", connection, len(told))
    return _write(
        ctx,
        connection,
        token,
        read,
        lambda session: (store_events(ctx, session, connection, told, source="webhook"), set()),
    )


def _write(ctx: Context, connection: str, token: str, read: Sequence[_ParsedRequest], take: _StoreEvents) -> None:
    """Store the events and settle their requests; a fact counts as new for the first request that told it."""
    foreign = sum(one.foreign for one in read)
    with ctx.ledger.write() as session:
        fresh, queues = take(session)
        settled: dict[int, dict[str, Any]] = {}
        for one in read:
            row_id = one.row.id or 0
            if one.unreadable is not None:
                log.error("webhook unreadable connection=%s request=%s: %s", connection, row_id, one.unreadable)
                settled[row_id] = {"state": "dead", "last_error": one.unreadable}
                continue
            mine = fresh & {event.key for event in one.events}
            fresh -= mine
            known = len(one.events) - len(mine)
            settled[row_id] = {"state": "succeeded", "events_new": len(mine), "events_duplicate": known}
        if foreign:
            increment_counter(session, OTHER_ACCOUNT_COUNTER, connection, ctx.clock().date(), foreign)
        claims.settle_each(session, RawRequest, settled, token=token)
    for queue_name in queues:
        ctx.wake(queue_name)


def _parse(ctx: Context, row: RawRequest) -> _ParsedRequest:
    request = WebhookRequest(
        method=row.method, url=row.url, headers=row.headers, body=row.body, received_at=row.received_at
    )
    connection = ctx.connections[row.connection]
    try:
        told: Sequence[Event | ForeignEntries] = ctx.plugins.call(
            ctx.plugin_name(row.connection), "nps_parse_events", connection=connection, request=request
        )
        foreign = sum(one.count for one in told if isinstance(one, ForeignEntries))
        return _ParsedRequest(row, tuple(one for one in told if not isinstance(one, ForeignEntries)), foreign)
    except WebhookRejected as error:
        return _ParsedRequest(row, unreadable=error_summary(ctx, error))
    except Exception as error:  # a plugin's bug must not lose the request
        log.exception("plugin failed to parse connection=%s request=%s", row.connection, row.id)
        return _ParsedRequest(row, unreadable=error_summary(ctx, error))
