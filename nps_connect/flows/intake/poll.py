"""Poll: fetch a page of events; the page and the cursor are stored in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from nps_connect.errors import DeliveryError, RateLimited
from nps_connect.flows.context import Context, decide_lane
from nps_connect.flows.intake.postponing import sentence
from nps_connect.flows.intake.storing import take_in
from nps_connect.ledger.keeping import JobRow
from nps_connect.records.events import EventPage

log = logging.getLogger(__name__)


def poll(ctx: Context, job: str, connection: str, memo: dict[str, Any]) -> timedelta:
    """Fetch one page of a connection's events; returns when to poll again.

    A failure leaves the cursor where it was, so nothing is passed over.
    """
    every = timedelta(seconds=ctx.connections[connection].settings.poll_every)
    page = read_page(ctx, connection, memo, every, purpose="poll")
    if isinstance(page, timedelta):
        return page
    with ctx.ledger.write() as session:
        new = take_in(ctx, session, connection, page.events, source="poll")
        row = session.execute(select(JobRow).where(col(JobRow.name) == job)).scalar_one()
        row.memo = {**row.memo, "cursor": page.cursor}
    if new:
        ctx.wake(decide_lane(connection))
    return timedelta(0) if page.more else every


def read_page(
    ctx: Context, connection: str, memo: Mapping[str, Any], every: timedelta, *, purpose: str
) -> EventPage | timedelta:
    """The page after the cursor in the memo; where the vendor cannot tell now, when to ask again."""
    account = ctx.connections[connection]
    try:
        page: EventPage = ctx.plugins.call(
            ctx.plugin_of(connection), "nps_poll_events", connection=account, cursor=memo.get("cursor")
        )
    except RateLimited as error:
        return max(every, (error.until - ctx.clock()) if error.until else every)
    except DeliveryError as error:
        log.warning("%s failed connection=%s: %s", purpose, connection, sentence(ctx, error))
        return every
    return page
