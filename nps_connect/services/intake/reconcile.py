"""Reconcile: beside the webhooks of a connection, read what they should have told, and count what they missed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlmodel import Session, col

from nps_connect.ledger.operational_tables import JobRow
from nps_connect.ledger.tables import EventRow, RawRequest
from nps_connect.ledger.upserts import increment_counter
from nps_connect.records.events import Event, WebhookRequest
from nps_connect.services.context import Context, decide_queue
from nps_connect.services.intake.poll import fetch_page
from nps_connect.services.intake.store_events import store_events

log = logging.getLogger(__name__)

RECONCILE_INTERVAL = timedelta(minutes=15)
WEBHOOK_GRACE_PERIOD = timedelta(minutes=10)
"""A webhook that has not come within this time is taken for missed; the fact is taken in at once all the same."""

COUNTED_UNTIL_KEY = "judged"
"""Key of the job's memo: facts that the sweep took in before this moment have been counted, or their webhook came."""

MISSED_WEBHOOKS_COUNTER = "missed_by_webhooks"
"""The name of the counter."""


def reconcile(ctx: Context, job: str, connection: str, memo: dict[str, Any]) -> timedelta:
    """Read one page of what the vendor knows; returns when to read again.

    A fact that a webhook told too is known by its key. An old fact that none has told is counted as missed at once, a
    young one when its webhook has not come after `WEBHOOK_GRACE_PERIOD` either. A failure leaves the cursor where it was.
    """
    page = fetch_page(ctx, connection, memo, RECONCILE_INTERVAL, purpose="reconcile")
    if isinstance(page, timedelta):
        return page
    now = ctx.clock()
    since = datetime.fromisoformat(memo[COUNTED_UNTIL_KEY]) if COUNTED_UNTIL_KEY in memo else now
    told = (
        _webhook_keys_since(ctx, connection, young)
        if (young := _load_recent_facts(ctx, connection, since, now - WEBHOOK_GRACE_PERIOD))
        else set()
    )
    with ctx.ledger.write() as session:
        late = [event.key for event in page.events if now - event.occurred_at >= WEBHOOK_GRACE_PERIOD]
        missed = len(set(late)) - _count_stored(session, connection, late) + len(young.keys() - told)
        new = store_events(ctx, session, connection, page.events, source="reconcile")
        if missed:
            increment_counter(session, MISSED_WEBHOOKS_COUNTER, connection, now.date(), missed)
            log.warning("webhooks missed events connection=%s count=%d", connection, missed)
        row = session.execute(select(JobRow).where(col(JobRow.name) == job)).scalar_one()
        row.memo = {
            **row.memo,
            "cursor": page.cursor,
            COUNTED_UNTIL_KEY: max(since, now - WEBHOOK_GRACE_PERIOD).isoformat(),
        }
    if new:
        ctx.wake(decide_queue(connection))
    return timedelta(0) if page.more else RECONCILE_INTERVAL


def reconciled_connections(ctx: Context) -> list[str]:
    """The connections whose webhooks are checked: those whose plugin can be asked as well."""
    return [
        name
        for name, connection in ctx.connections.items()
        if connection.settings.events == "webhook" and ctx.has(name, "nps_poll_events")
    ]


def _load_recent_facts(ctx: Context, connection: str, since: datetime, until: datetime) -> dict[str, datetime]:
    """Facts that the sweep took in within this time when their webhooks could still have been on their way."""
    query = select(col(EventRow.key), col(EventRow.occurred_at), col(EventRow.received_at)).where(
        col(EventRow.connection) == connection,
        col(EventRow.received_at) >= since,
        col(EventRow.received_at) < until,
        col(EventRow.source) == "reconcile",
    )
    with ctx.ledger.read() as session:
        rows = session.execute(query).all()
    return {
        key: occurred_at for key, occurred_at, received_at in rows if received_at - occurred_at < WEBHOOK_GRACE_PERIOD
    }


def _webhook_keys_since(ctx: Context, connection: str, young: Mapping[str, datetime]) -> set[str]:
    """Which of these facts a webhook has told after all: one that told something known, or waits to be read."""
    query = select(RawRequest).where(
        col(RawRequest.connection) == connection,
        col(RawRequest.received_at) >= min(young.values()) - WEBHOOK_GRACE_PERIOD,  # clocks differ
        or_(col(RawRequest.events_duplicate) > 0, col(RawRequest.state).in_(("pending", "running"))),
    )
    with ctx.ledger.read() as session:
        rows = session.execute(query).scalars().all()
    return {key for row in rows for key in _parse_keys(ctx, row)}


def _parse_keys(ctx: Context, row: RawRequest) -> list[str]:
    """The facts of a stored webhook; none of one that cannot be read."""
    request = WebhookRequest(
        method=row.method, url=row.url, headers=row.headers, body=row.body, received_at=row.received_at
    )
    account, plugin = ctx.connections[row.connection], ctx.plugin_name(row.connection)
    try:
        told = ctx.plugins.call(plugin, "nps_parse_events", connection=account, request=request)
    except Exception as error:  # noqa: BLE001  # reading it is another step's work, and so is telling of it
        log.info("not read for the count request=%s: %s", row.id, type(error).__name__)
        return []
    return [one.key for one in told if isinstance(one, Event)]


def _count_stored(session: Session, connection: str, keys: list[str]) -> int:
    query = select(col(EventRow.id)).where(col(EventRow.connection) == connection, col(EventRow.key).in_(keys))
    return len(session.execute(query).all())
