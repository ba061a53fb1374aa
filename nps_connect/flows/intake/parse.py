"""Intake, second half: from raw requests and polled pages to events in the ledger, each fact once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from nps_connect.errors import WebhookRejected
from nps_connect.flows.context import Context, decide_lane, parse_lane
from nps_connect.flows.intake.postponing import sentence
from nps_connect.flows.intake.storing import in_order, take_in
from nps_connect.flows.intake.straight import straight
from nps_connect.flows.inviting.invite import Raced
from nps_connect.ledger import claims
from nps_connect.ledger.tables import RawRequest
from nps_connect.ledger.upserts import count
from nps_connect.records.events import Event, ForeignEntries, WebhookRequest

log = logging.getLogger(__name__)

BATCH = 100
"""Requests that are claimed at once."""

ROOM = 500
"""Events of one transaction: more are written in several, so that others get their turn in between."""

FOREIGN = "webhook_another_account"
"""The name of the counter of entries that concern another account of the vendor."""


_Take = Callable[[Session], tuple[set[str], set[str]]]
"""Stores events; gives the keys of the new ones, and the lanes that have work now."""


@dataclass(frozen=True)
class _Read:
    """A request and what it told: events, how many entries about another account, or why it cannot be read."""

    row: RawRequest
    events: tuple[Event, ...] = ()
    foreign: int = 0
    unreadable: str | None = None


def drain_parse(ctx: Context, connection: str) -> int:
    """Parse a batch of stored webhooks of one connection; returns how many were worked off.

    A request that the plugin cannot read ends dead: stored, visible, and to be replayed after a fix.
    """
    token = ctx.token()
    with ctx.ledger.write() as session:
        rows = claims.claim(session, RawRequest, parse_lane(connection), token=token, now=ctx.clock(), limit=BATCH)
    if not rows:
        return 0
    together: list[_Read] = []
    for row in rows:
        together.append(_parse(ctx, row))
        if sum(len(one.events) for one in together) >= ROOM:
            _settle(ctx, connection, token, together)
            together = []
    _settle(ctx, connection, token, together)
    ctx.wake(decide_lane(connection))
    return len(rows)


def _settle(ctx: Context, connection: str, token: str, read: Sequence[_Read]) -> None:
    """Write down what several requests told, and decide on it at once where nothing is in the way."""
    told = in_order(event for one in read for event in one.events)
    ready = straight(ctx, connection, told) if told else None
    if ready is not None:
        try:
            return _write(ctx, connection, token, read, ready.settle)
        except Raced:
            log.info("a cooldown was taken meanwhile connection=%s", connection)
        except Exception:  # one event that cannot be decided on must not keep the others from being stored
            log.exception("events wait connection=%s count=%d", connection, len(told))
    return _write(
        ctx, connection, token, read, lambda session: (take_in(ctx, session, connection, told, source="webhook"), set())
    )


def _write(ctx: Context, connection: str, token: str, read: Sequence[_Read], take: _Take) -> None:
    """Store the events and settle their requests; a fact counts as new for the first request that told it."""
    foreign = sum(one.foreign for one in read)
    with ctx.ledger.write() as session:
        fresh, lanes = take(session)
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
            settled[row_id] = {"state": "succeeded", "events_new": len(mine), "events_known": known}
        if foreign:
            count(session, FOREIGN, connection, ctx.clock().date(), foreign)
        claims.write_each(session, RawRequest, settled, token=token)
    for lane in lanes:
        ctx.wake(lane)


def _parse(ctx: Context, row: RawRequest) -> _Read:
    request = WebhookRequest(
        method=row.method, url=row.url, headers=row.headers, body=row.body, received_at=row.received_at
    )
    connection = ctx.connections[row.connection]
    try:
        told: Sequence[Event | ForeignEntries] = ctx.plugins.call(
            ctx.plugin_of(row.connection), "nps_parse_events", connection=connection, request=request
        )
        foreign = sum(one.count for one in told if isinstance(one, ForeignEntries))
        return _Read(row, tuple(one for one in told if not isinstance(one, ForeignEntries)), foreign)
    except WebhookRejected as error:
        return _Read(row, unreadable=sentence(ctx, error))
    except Exception as error:  # a plugin's bug must not lose the request
        log.exception("plugin failed to parse connection=%s request=%s", row.connection, row.id)
        return _Read(row, unreadable=sentence(ctx, error))
