"""Vendor quotas, shared by all workers through the ledger: calls, not items."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Table, bindparam, null, select, update
from sqlmodel import Session

from nps_connect.connection import Clock
from nps_connect.errors import RateLimited
from nps_connect.ledger.columns import UtcDateTime
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.operational_tables import QuotaRow
from nps_connect.ledger.upserts import insert_for
from nps_connect.records.connectors import Quota

BURST_SHARE = 0.04
"""Share of a window's calls that may go out at once; the rest flows evenly, so that no window of the vendor's clock,
wherever it begins, sees more calls than it allows."""

MAX_INLINE_WAIT_SECONDS = 2.0
"""Seconds that a call may wait in place; longer waits go back to the ledger."""


_quotas: Table = QuotaRow.__table__  # type: ignore[attr-defined]
_QUOTA_KEY = (_quotas.c.connection == bindparam("of"), _quotas.c.name == bindparam("quota"))
BUCKET_QUERY = (
    select(_quotas.c.tokens, _quotas.c.refilled_at, _quotas.c.paused_until).where(*_QUOTA_KEY).with_for_update()
)
PAUSED_UNTIL_QUERY = select(_quotas.c.paused_until).where(*_QUOTA_KEY)
TAKE_TOKEN_STATEMENT = (
    update(_quotas)
    .where(*_QUOTA_KEY)
    .values(tokens=bindparam("left"), refilled_at=bindparam("now", type_=UtcDateTime()), paused_until=null())
)


class LedgerRateLimiter:
    """A token bucket per quota in the ledger; fed by the vendor's own headers.

    What a header tells of the limit is remembered by each process: every answer tells it again.
    """

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._limits: dict[tuple[str, str], float] = {}

    def before(self, connection: str, quota: Quota) -> float:
        """Take one call; returns the seconds to wait before making it.

        Raises:
            RateLimited: nothing was taken; not before `until`.
        """
        with self._ledger.write() as session:
            now = self._clock()
            around = paused_until(session, connection, quota.within) if quota.within else None
            left, refilled_at, paused = _load_bucket(session, connection, quota, now)
            until = max((rest for rest in (paused, around) if rest is not None), default=now)
            if until > now:
                raise RateLimited("the quota is used up", until=until, quota=quota.name)
            calls = self._calls(connection, quota)
            rate = calls * (1 - BURST_SHARE) / quota.seconds
            elapsed = max(0.0, (now - refilled_at).total_seconds())
            tokens = min(_burst(calls), left + elapsed * rate)
            wait = max(0.0, (1 - tokens) / rate)
            if wait > MAX_INLINE_WAIT_SECONDS:
                raise RateLimited("the quota is used up", until=now + timedelta(seconds=wait), quota=quota.name)
            told = {"of": connection, "quota": quota.name, "left": tokens - 1, "now": now}
            session.connection().execute(TAKE_TOKEN_STATEMENT, told)
            return wait

    def after(self, connection: str, quota: Quota, headers: Mapping[str, str]) -> None:
        """Follow the vendor's limit; rest as long as it says when its headers tell that nothing is left."""
        limit = _parse_number(headers.get((quota.limit_header or "").lower()))
        if limit is not None and limit >= 1:
            self._limits[connection, quota.name] = limit
        left = _parse_number(headers.get((quota.remaining_header or "").lower()))
        if left is None or left > 0:
            return
        wait = _parse_number(headers.get((quota.reset_header or "").lower()))
        pause = timedelta(seconds=quota.default_pause_seconds if wait is None else min(max(wait, 0.0), 86_400.0))
        with self._ledger.write() as session:
            pause_quota(session, connection, quota.name, until=self._clock() + pause)

    def _calls(self, connection: str, quota: Quota) -> float:
        """Calls of a window that are ours: the share of the declared limit, or of a lower one that the vendor told."""
        return min(quota.calls, self._limits.get((connection, quota.name), quota.calls)) * quota.share


def pause_quota(session: Session, connection: str, name: str, *, until: datetime) -> None:
    """Let a quota rest until then."""
    values = {"paused_until": until}
    session.execute(
        insert_for(session, QuotaRow)
        .values(connection=connection, name=name, tokens=0.0, refilled_at=until, **values)
        .on_conflict_do_update(index_elements=["connection", "name"], set_=values)
    )


def paused_until(session: Session, connection: str, name: str = "general") -> datetime | None:
    """Until when a quota rests, or none."""
    return session.connection().execute(PAUSED_UNTIL_QUERY, {"of": connection, "quota": name}).scalar()


def _burst(calls: float) -> float:
    return max(1.0, calls * BURST_SHARE)


def _load_bucket(
    session: Session, connection: str, quota: Quota, now: datetime
) -> tuple[float, datetime, datetime | None]:
    """Calls that were left, since when, and until when it rests; locked for this transaction."""
    which = {"of": connection, "quota": quota.name}
    row = session.connection().execute(BUCKET_QUERY, which).first()
    if row is None:
        session.execute(
            insert_for(session, QuotaRow)
            .values(connection=connection, name=quota.name, tokens=_burst(quota.calls * quota.share), refilled_at=now)
            .on_conflict_do_nothing(index_elements=["connection", "name"])
        )
        row = session.connection().execute(BUCKET_QUERY, which).one()
    return row[0], row[1], row[2]


def _parse_number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
