"""Intake, second half: from raw requests and polled pages to events in the ledger, each fact once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Literal

from sqlmodel import Session

from nps_connect.errors import WebhookRejected
from nps_connect.flows.cases import kinds_told
from nps_connect.flows.context import Context, decide_lane, parse_lane
from nps_connect.flows.postponing import sentence
from nps_connect.ledger import claims
from nps_connect.ledger.tables import EventRow, RawRequest
from nps_connect.ledger.upserts import insert_new
from nps_connect.records.events import Event, WebhookRequest

log = logging.getLogger(__name__)

BATCH = 20
INSERT = 100
HOUSEKEEPING = frozenset({"contact.deleted", "contact.merged", "contact.privacy_deleted"})
"""Kinds that change what we know of a person, whether or not a trigger listens."""

Source = Literal["webhook", "poll", "reconcile", "manual"]


def drain_parse(ctx: Context, connection: str) -> int:
    """Parse a batch of stored webhooks of one connection; returns how many were worked off.

    A request that the plugin cannot read ends dead: stored, visible, and to be replayed after a fix.
    """
    token = ctx.token()
    with ctx.ledger.write() as session:
        rows = claims.claim(session, RawRequest, parse_lane(connection), token=token, now=ctx.clock(), limit=BATCH)
    if not rows:
        return 0
    parsed = [(row, _parse(ctx, row)) for row in rows]
    with ctx.ledger.write() as session:
        for row, answer in parsed:
            if isinstance(answer, str):
                values: dict[str, Any] = {"state": "dead", "last_error": answer}
                log.error("webhook unreadable connection=%s request=%s: %s", connection, row.id, answer)
            else:
                new = take_in(ctx, session, connection, answer, source="webhook")
                values = {"state": "succeeded", "events_new": new, "events_known": len(answer) - new}
            claims.settle(session, RawRequest, row.id or 0, token=token, values=values)
    ctx.wake(decide_lane(connection))
    return len(rows)


def take_in(ctx: Context, session: Session, connection: str, events: Sequence[Event], *, source: Source) -> int:
    """Insert events that are not there yet, by fact key; returns how many were new.

    Events that nothing listens to are kept too (for ``simulate`` and ``explain``), but wait for nothing.
    """
    now = ctx.clock()
    listened = {trigger.on for trigger in ctx.settings.triggers if trigger.source == connection} | HOUSEKEEPING
    listened |= kinds_told(ctx.settings, connection)
    proposing = any(ctx.plugins.has(name, "nps_trigger_survey") for name in ctx.plugins.infos)
    rows = [
        {
            "lane": decide_lane(connection),
            "state": "pending" if proposing or event.kind in listened else "succeeded",
            "due_at": now,
            "connection": connection,
            "key": event.key,
            "kind": event.kind,
            "object_id": event.object_id,
            "occurred_at": event.occurred_at,
            "received_at": now,
            "source": source,
            "record": event.model_dump(mode="json"),
        }
        for event in {event.key: event for event in events}.values()
    ]
    new = 0
    for begin in range(0, len(rows), INSERT):
        new += len(insert_new(session, EventRow, rows[begin : begin + INSERT], ("connection", "key")))
    return new


def _parse(ctx: Context, row: RawRequest) -> list[Event] | str:
    """The events of a request, or why it cannot be read."""
    request = WebhookRequest(
        method=row.method, url=row.url, headers=row.headers, body=row.body, received_at=row.received_at
    )
    connection = ctx.connections[row.connection]
    try:
        return list(
            ctx.plugins.call(ctx.plugin_of(row.connection), "nps_parse_events", connection=connection, request=request)
        )
    except WebhookRejected as error:
        return sentence(ctx, error)
    except Exception as error:  # a plugin's bug must not lose the request
        log.exception("plugin failed to parse connection=%s request=%s", row.connection, row.id)
        return sentence(ctx, error)
