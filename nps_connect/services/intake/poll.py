"""Poll: fetch a page of events; the page and the cursor are stored in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from nps_connect.errors import DeliveryError, RateLimited
from nps_connect.ledger.operational_tables import JobRow
from nps_connect.records.events import EventPage
from nps_connect.services.context import Context, decide_queue
from nps_connect.services.decisions.event_retry import error_summary
from nps_connect.services.intake.store_events import store_events

log = logging.getLogger(__name__)


def poll(ctx: Context, job: str, connection: str, memo: dict[str, Any]) -> timedelta:
    """Fetch one page of a connection's events; returns when to poll again.

    A failure leaves the cursor where it was, so nothing is passed over.
    """
    every = timedelta(seconds=ctx.connections[connection].settings.poll_every)
    page = fetch_page(ctx, connection, memo, every, purpose="poll")
    if isinstance(page, timedelta):
        return page
    with ctx.ledger.write() as session:
        new = store_events(ctx, session, connection, page.events, source="poll")
        row = session.execute(select(JobRow).where(col(JobRow.name) == job)).scalar_one()
        row.memo = {**row.memo, "cursor": page.cursor}
    if new:
        ctx.wake(decide_queue(connection))
    return timedelta(0) if page.more else every


def fetch_page(
    ctx: Context, connection: str, memo: Mapping[str, Any], every: timedelta, *, purpose: str
) -> EventPage | timedelta:
    """The page after the cursor in the memo; where the vendor cannot tell now, when to ask again."""
    account = ctx.connections[connection]
    try:
        page: EventPage = ctx.plugins.call(
            ctx.plugin_name(connection), "nps_poll_events", connection=account, cursor=memo.get("cursor")
        )
    except RateLimited as error:
        return max(every, (error.until - ctx.clock()) if error.until else every)
    except DeliveryError as error:
        log.warning("%s failed connection=%s: %s", purpose, connection, error_summary(ctx, error))
        return every
    return page
