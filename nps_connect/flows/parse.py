"""Intake, second half: from raw requests and polled pages to events in the ledger, each fact once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlmodel import Session

from nps_connect.errors import WebhookRejected
from nps_connect.flows.cases import kinds_told
from nps_connect.flows.context import Context, decide_lane, parse_lane
from nps_connect.flows.naming import note_named
from nps_connect.flows.postponing import sentence
from nps_connect.ledger import claims
from nps_connect.ledger.tables import EventRow, RawRequest
from nps_connect.ledger.upserts import count, insert_many
from nps_connect.records.events import Event, ForeignEntries, WebhookRequest

log = logging.getLogger(__name__)

BATCH = 100
"""Requests that are claimed at once."""

ROOM = 1000
"""Events of one transaction: more are written in several, so that others get their turn in between."""

HOUSEKEEPING = frozenset({"contact.deleted", "contact.merged", "contact.privacy_deleted"})
"""Kinds that change what we know of a person, whether or not a trigger listens."""

Source = Literal["webhook", "poll", "reconcile", "manual"]

FOREIGN = "webhook_another_account"
"""The name of the counter of entries that concern another account of the vendor."""


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
    """Write down what several requests told; a fact counts as new for the first that told it."""
    told = [event for one in read for event in one.events]
    foreign = sum(one.foreign for one in read)
    with ctx.ledger.write() as session:
        fresh = take_in(ctx, session, connection, told, source="webhook")
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


def take_in(ctx: Context, session: Session, connection: str, events: Sequence[Event], *, source: Source) -> set[str]:
    """Insert events that are not there yet, by fact key, in the order in which they happened; the keys of the new ones.

    Events that nothing listens to are kept too (for ``simulate`` and ``explain``), but wait for nothing.
    """
    if not events:
        return set()
    now, lane = ctx.clock(), decide_lane(connection)
    listened = {trigger.on for trigger in ctx.settings.triggers if trigger.source == connection} | HOUSEKEEPING
    listened |= kinds_told(ctx.settings, connection)
    proposing = any(ctx.plugins.has(name, "nps_trigger_survey") for name in ctx.plugins.infos)
    once: dict[str, Event] = {}
    for event in events:
        once.setdefault(event.key, event)
    rows = [
        {
            "lane": lane,
            "state": "pending" if proposing or event.kind in listened else "succeeded",
            "due_at": now,
            "connection": connection,
            "key": event.key,
            "kind": event.kind,
            "object_id": event.object_id,
            "occurred_at": event.occurred_at,
            "received_at": now,
            "source": source,
            "record": event,
            "attempts": 0,
        }
        for event in sorted(once.values(), key=lambda event: (event.occurred_at, event.key))
    ]
    written = insert_many(session, EventRow, rows, clash=_known_already, returning=("key", "id"))
    settled = {row["key"] for row in rows if row["state"] == "succeeded" or source == "manual"}
    note_named(session, connection, [(event_id, once[key]) for key, event_id in written if key in settled])
    return {key for key, _ in written}


def _known_already(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    return statement.on_conflict_do_nothing(index_elements=["connection", "key"])


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
