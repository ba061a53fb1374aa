"""Reconcile: read from the vendor what webhooks should have reported, and count the events that they missed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from nps_connect.ledger.columns import decide_queue
from nps_connect.ledger.counters import MISSED_WEBHOOKS_COUNTER, increment_counter
from nps_connect.ledger.tables import EventRow, RawRequest
from nps_connect.records.events import Event
from nps_connect.services.context import Context
from nps_connect.services.intake.poll import fetch_page, record_read
from nps_connect.services.intake.store_events import store_events

log = logging.getLogger(__name__)

RECONCILE_INTERVAL = timedelta(minutes=15)
WEBHOOK_GRACE_PERIOD = timedelta(minutes=10)
"""A webhook that has not arrived within this time counts as missed. The event itself is stored at once."""

COUNTED_UNTIL_KEY = "counted_until"
"""Key of the job's memo: events received before this moment have been compared with webhooks."""


def reconcile(ctx: Context, job: str, connection: str, memo: dict[str, Any]) -> timedelta:
    """Read one page of events from the vendor; return the time until the next run.

    An event that a webhook reported is recognised by its key. An old event that none reported is counted as missed
    immediately, a recent one when no webhook has arrived within `WEBHOOK_GRACE_PERIOD`. A failure leaves the cursor
    unchanged.
    """
    page = fetch_page(ctx, connection, memo, RECONCILE_INTERVAL, purpose="reconcile")
    if isinstance(page, timedelta):
        return page
    now = ctx.clock()
    grace_start = now - WEBHOOK_GRACE_PERIOD
    counted_until = min(datetime.fromisoformat(memo[COUNTED_UNTIL_KEY]), now) if COUNTED_UNTIL_KEY in memo else now
    recent = _load_recent_events(ctx, connection, counted_until, grace_start)
    reported = _webhook_keys_since(ctx, connection, min(recent.values())) if recent else set()
    late_keys = {event.key for event in page.events if event.occurred_at <= grace_start}
    with ctx.ledger.write() as session:
        missed = len(late_keys) - _count_stored(session, connection, late_keys) + len(recent.keys() - reported)
        new_keys = store_events(ctx, session, connection, page.events, source="reconcile").new
        if missed:
            increment_counter(session, MISSED_WEBHOOKS_COUNTER, connection, now.date(), missed)
            log.warning("webhooks_missed connection=%s events=%d finding=webhook-silence", connection, missed)
        counted_until = max(counted_until, grace_start)
        record_read(session, job, now, cursor=page.cursor, **{COUNTED_UNTIL_KEY: counted_until.isoformat()})
    if new_keys:
        ctx.wake(decide_queue(connection))
    return timedelta(0) if page.more else RECONCILE_INTERVAL


def reconciled_connections(ctx: Context) -> list[str]:
    """Names of the connections with webhooks whose plugin can be polled too."""
    return [
        name
        for name, connection in ctx.connections.items()
        if connection.settings.events == "webhook" and ctx.has(name, "nps_poll_events")
    ]


def _load_recent_events(ctx: Context, connection: str, since: datetime, until: datetime) -> Mapping[str, datetime]:
    """Facts stored by reconciliation in this period while their webhook could still arrive, with their moments."""
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


def _webhook_keys_since(ctx: Context, connection: str, occurred_at: datetime) -> set[str]:
    """Keys of the facts in webhooks that contain known facts or are not parsed yet."""
    query = select(RawRequest).where(
        col(RawRequest.connection) == connection,
        col(RawRequest.received_at) >= occurred_at - WEBHOOK_GRACE_PERIOD,  # clocks differ
        or_(col(RawRequest.events_duplicate) > 0, col(RawRequest.state).in_(("pending", "running"))),
    )
    with ctx.ledger.read() as session:
        rows: Sequence[RawRequest] = session.execute(query).scalars().all()
    return {key for row in rows for key in _parse_keys(ctx, row)}


def _parse_keys(ctx: Context, row: RawRequest) -> list[str]:
    """Keys of the facts in a stored webhook; empty if it is unreadable."""
    try:
        return [entry.key for entry in ctx.parse_webhook(row) if isinstance(entry, Event)]
    except Exception as error:  # noqa: BLE001  # `drain_requests` reports it
        log.info("webhook_not_counted connection=%s request=%s error=%s", row.connection, row.id, type(error).__name__)
        return []


def _count_stored(session: Session, connection: str, keys: set[str]) -> int:
    query = select(func.count()).where(col(EventRow.connection) == connection, col(EventRow.key).in_(keys))
    return int(session.execute(query).scalar_one())
