"""Poll a connection for events; a page and its cursor are stored in one transaction."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.errors import DeliveryError, RateLimited
from nps_connect.ledger.columns import decide_queue
from nps_connect.ledger.workers import JobRow
from nps_connect.records.events import EventPage
from nps_connect.services.context import Context
from nps_connect.services.decisions.claim_events import error_summary
from nps_connect.services.intake.store_events import store_events

log = logging.getLogger(__name__)

MAX_RATE_LIMIT_WAIT = timedelta(hours=1)
"""How long a rate limit delays the next page at most; a vendor's longer one is asked again then."""


def poll(ctx: Context, job: str, connection: str, memo: dict[str, Any]) -> timedelta:
    """Fetch and store one page of events; return the time until the next poll.

    A failure leaves the cursor unchanged, so that no event is skipped.
    """
    interval = timedelta(seconds=ctx.connections[connection].settings.poll_every)
    page = fetch_page(ctx, connection, memo, interval, purpose="poll")
    if isinstance(page, timedelta):
        return page
    with ctx.ledger.write() as session:
        new_keys = store_events(ctx, session, connection, page.events, source="poll").new
        record_read(session, job, ctx.clock(), cursor=page.cursor)
    if new_keys:
        ctx.wake(decide_queue(connection))
    return timedelta(0) if page.more else interval


def fetch_page(
    ctx: Context, connection: str, memo: dict[str, Any], interval: timedelta, *, purpose: str
) -> EventPage | timedelta:
    """Fetch the page after the cursor in the memo; return the time until the next try if it cannot be fetched now."""
    cursor = memo.get("cursor")
    page: EventPage | timedelta = read_vendor(
        ctx, connection, memo, interval, purpose=purpose, hook="nps_poll_events", cursor=cursor
    )
    return page


def read_vendor(
    ctx: Context,
    connection: str,
    memo: dict[str, Any],
    interval: timedelta,
    *,
    purpose: str,
    hook: str,
    raised: tuple[type[DeliveryError], ...] = (),
    **arguments: Any,  # noqa: ANN401  # of any hook
) -> Any:  # noqa: ANN401
    """Call a hook that reads from the vendor; return its result, or the time until the next try.

    The latter is the case when a quota is exhausted, or the vendor is unavailable, which is kept in the memo, for
    `status`.

    Args:
        ctx: the joined parts.
        connection: to read from.
        memo: of the job.
        interval: until the next try after an error.
        purpose: for the log.
        hook: name of the hook.
        raised: errors that the caller handles.
        arguments: of the hook, without the connection.
    """
    target = ctx.connections[connection]
    try:
        return ctx.plugins.call(target.settings.plugin, hook, connection=target, **arguments)
    except RateLimited as error:
        wait = error.until - ctx.clock() if error.until else interval
        return max(interval, min(wait, MAX_RATE_LIMIT_WAIT))
    except DeliveryError as error:
        if isinstance(error, raised):
            raise
        reason = error_summary(ctx, error)
        log.warning("%s_failed connection=%s error=%s", purpose, connection, reason)
        memo["failure"] = {"since": ctx.clock().isoformat(), **(memo.get("failure") or {}), "reason": reason}
        return interval


def record_read(session: Session, job: str, now: datetime, **values: str | None) -> None:
    """Write into the memo of a job that it has read events from the vendor, with further values."""
    row = session.execute(select(JobRow).where(col(JobRow.name) == job)).scalar_one()
    row.memo = {**row.memo, "failure": None, "read_at": now.isoformat(), **values}
