"""Reconcile: beside the webhooks of a connection, read what they should have told, and count what they missed."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.errors import DeliveryError, RateLimited
from nps_connect.flows.context import Context, decide_lane
from nps_connect.flows.postponing import sentence
from nps_connect.flows.storing import take_in
from nps_connect.ledger.keeping import JobRow
from nps_connect.ledger.tables import EventRow
from nps_connect.ledger.upserts import count
from nps_connect.records.events import EventPage

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=15)
LATE = timedelta(minutes=10)
"""A webhook that has not come within this time is taken for missed; the fact is taken in at once all the same."""

MISSED = "missed_by_webhooks"
"""The name of the counter."""


def reconcile(ctx: Context, job: str, connection: str, memo: dict[str, Any]) -> timedelta:
    """Read one page of what the vendor knows; returns when to read again.

    A fact that a webhook told too is known by its key. A failure leaves the cursor where it was.
    """
    account = ctx.connections[connection]
    try:
        page: EventPage = ctx.plugins.call(
            ctx.plugin_of(connection), "nps_poll_events", connection=account, cursor=memo.get("cursor")
        )
    except RateLimited as error:
        return max(EVERY, (error.until - ctx.clock()) if error.until else EVERY)
    except DeliveryError as error:
        log.warning("reconcile failed connection=%s: %s", connection, sentence(ctx, error))
        return EVERY
    now = ctx.clock()
    with ctx.ledger.write() as session:
        late = [event.key for event in page.events if now - event.occurred_at >= LATE]
        missed = len(set(late)) - _known(session, connection, late)
        new = take_in(ctx, session, connection, page.events, source="reconcile")
        if missed:
            count(session, MISSED, connection, now.date(), missed)
            log.warning("webhooks missed events connection=%s count=%d", connection, missed)
        row = session.execute(select(JobRow).where(col(JobRow.name) == job)).scalar_one()
        row.memo = {**row.memo, "cursor": page.cursor}
    if new:
        ctx.wake(decide_lane(connection))
    return timedelta(0) if page.more else EVERY


def reconciled(ctx: Context) -> list[str]:
    """The connections whose webhooks are checked: those whose plugin can be asked as well."""
    return [
        name
        for name, connection in ctx.connections.items()
        if connection.settings.events == "webhook" and ctx.has(name, "nps_poll_events")
    ]


def _known(session: Session, connection: str, keys: list[str]) -> int:
    query = select(col(EventRow.id)).where(col(EventRow.connection) == connection, col(EventRow.key).in_(keys))
    return len(session.execute(query).all())
