"""Vendor quotas as token buckets, shared by all workers through the ledger; they count calls, not items."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, null, select, update
from sqlmodel import Field, Session

from nps_connect.errors import RateLimited
from nps_connect.ledger.columns import Base, UtcDateTime, insert_for
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.upserts import insert_many

if TYPE_CHECKING:
    from nps_connect.connection import Clock
    from nps_connect.records.connectors import Quota

BURST_SHARE = 0.04
"""Share of a window's calls that may be made in one burst; the others are spread evenly over the window, so that no
window of the vendor's clock, whenever it starts, sees more calls than allowed."""

MAX_INLINE_WAIT_SECONDS = 2.0
"""Longest wait of a call in its thread; a longer one raises `RateLimited`, and the delivery waits in the ledger."""

MAX_PAUSE_SECONDS = 86_400.0


class QuotaRow(Base, table=True):
    """The shared token bucket of one quota of one connection."""

    __tablename__ = "quotas"

    connection: str = Field(primary_key=True, max_length=40)
    name: str = Field(primary_key=True, max_length=40)
    tokens: float
    refilled_at: datetime = Field(sa_type=UtcDateTime)
    paused_until: datetime | None = Field(default=None, sa_type=UtcDateTime)


_quotas = QuotaRow.__table__
_QUOTA_KEY = (_quotas.c.connection == bindparam("of"), _quotas.c.name == bindparam("quota"))
BUCKET_QUERY = (
    select(_quotas.c.tokens, _quotas.c.refilled_at, _quotas.c.paused_until).where(*_QUOTA_KEY).with_for_update()
)
PAUSED_UNTIL_QUERY = select(_quotas.c.paused_until).where(*_QUOTA_KEY)
ACQUIRE_STATEMENT = (
    update(_quotas)
    .where(*_QUOTA_KEY)
    .values(tokens=bindparam("remaining"), refilled_at=bindparam("now", type_=UtcDateTime()), paused_until=null())
)


class LedgerRateLimiter:
    """A token bucket per quota in the ledger, adjusted by the vendor's quota headers.

    A limit from a header is kept per process: every response carries it again.
    """

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._limits: dict[tuple[str, str], float] = {}

    def acquire(self, connection: str, quota: Quota) -> float:
        """Take one token; returns the seconds to wait before the call.

        Raises:
            RateLimited: no token was taken; not before `until`.
        """
        with self._ledger.write() as session:
            now = self._clock()
            outer = {"of": connection, "quota": quota.within}
            outer_pause = session.connection().execute(PAUSED_UNTIL_QUERY, outer).scalar() if quota.within else None
            remaining, refilled_at, own_pause = _load_bucket(session, connection, quota, now)
            until = max((pause for pause in (own_pause, outer_pause) if pause is not None), default=now)
            if until > now:
                raise RateLimited("the quota is used up", until=until, quota=quota.name)
            calls = self._calls_per_window(connection, quota)
            rate = calls * (1 - BURST_SHARE) / quota.seconds
            elapsed = max(0.0, (now - refilled_at).total_seconds())
            tokens = min(_burst_size(calls), remaining + elapsed * rate)
            wait = max(0.0, (1 - tokens) / rate)
            if wait > MAX_INLINE_WAIT_SECONDS:
                raise RateLimited("the quota is used up", until=now + timedelta(seconds=wait), quota=quota.name)
            parameters = {"of": connection, "quota": quota.name, "remaining": tokens - 1, "now": now}
            session.connection().execute(ACQUIRE_STATEMENT, parameters)
            return wait

    def record_headers(self, connection: str, quota: Quota, headers: Mapping[str, str]) -> None:
        """Apply the vendor's quota headers: its limit, and a pause when no call is left."""
        limit = _parse_number(headers.get((quota.limit_header or "").lower()))
        if limit is not None and limit >= 1:
            self._limits[connection, quota.name] = limit
        remaining = _parse_number(headers.get((quota.remaining_header or "").lower()))
        if remaining is None or remaining > 0:
            return
        reset = _parse_number(headers.get((quota.reset_header or "").lower()))
        seconds = quota.default_pause_seconds if reset is None else min(max(reset, 0.0), MAX_PAUSE_SECONDS)
        with self._ledger.write() as session:
            pause_quota(session, connection, quota.name, until=self._clock() + timedelta(seconds=seconds))

    def _calls_per_window(self, connection: str, quota: Quota) -> float:
        """Return our share of the declared limit, or of a lower limit from the vendor's headers."""
        return min(quota.calls, self._limits.get((connection, quota.name), quota.calls)) * quota.share


def pause_quota(session: Session, connection: str, name: str, *, until: datetime) -> None:
    """Allow no call of a quota before `until`."""
    values = {"paused_until": until}
    session.execute(
        insert_for(session, QuotaRow)
        .values(connection=connection, name=name, tokens=0.0, refilled_at=until, **values)
        .on_conflict_do_update(index_elements=["connection", "name"], set_=values)
    )


def _burst_size(calls: float) -> float:
    return max(1.0, calls * BURST_SHARE)


def _load_bucket(
    session: Session, connection: str, quota: Quota, now: datetime
) -> tuple[float, datetime, datetime | None]:
    """Lock a bucket, created full if missing; returns its tokens, the time of its last refill, and its pause."""
    key = {"of": connection, "quota": quota.name}
    row = session.connection().execute(BUCKET_QUERY, key).first()
    if row is None:
        tokens = _burst_size(quota.calls * quota.share)
        bucket = {"connection": connection, "name": quota.name, "tokens": tokens, "refilled_at": now}
        insert_many(session, QuotaRow, [bucket], skip_existing=("connection", "name"))
        row = session.connection().execute(BUCKET_QUERY, key).one()
    return row[0], row[1], row[2]


def _parse_number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
