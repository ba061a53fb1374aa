"""Stored moments that a wrong clock has left in the future: nothing waits for them longer than it ever has to.

A moment is wrong if it is further away than the longest wait that leads to it. A survey or a reminder may be due in
weeks; such a row is wrong only if it was made in the future, and then all of it is moved.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update
from sqlmodel import Session, col

from nps_connect.ledger import claims
from nps_connect.ledger.counters import CORRECTED_COUNTER, increment_counter
from nps_connect.ledger.pauses import OPEN_INTERVALS, PROBE_TIMEOUT, BreakerRow
from nps_connect.ledger.quotas import QuotaRow
from nps_connect.ledger.tables import DeliveryRow, EventRow, RawRequest
from nps_connect.ledger.tokens import TOKEN_LOCK_LEASE, TokenRow
from nps_connect.ledger.workers import JobRow
from nps_connect.records.actions import HoldCode
from nps_connect.rules.retry_plan import INTAKE_PLAN, MAX_RETRY_AFTER, RetryPlan
from nps_connect.services.context import Context

log = logging.getLogger(__name__)

CLOCK_TOLERANCE = timedelta(minutes=1)
"""The clocks of hosts and vendors differ by less."""

ROWS_PER_RUN = 1000

_BOUNDED_COLUMNS: tuple[tuple[Any, timedelta], ...] = (
    (BreakerRow.open_until, max(*OPEN_INTERVALS, PROBE_TIMEOUT)),
    (TokenRow.locked_until, TOKEN_LOCK_LEASE),
    *((table.lease_until, claims.LEASE_DURATION) for table in (RawRequest, EventRow, JobRow, DeliveryRow)),
)
"""Columns with the longest time that they may lie ahead."""

_CREATED_COLUMNS: dict[Any, str] = {RawRequest: "received_at", EventRow: "received_at", DeliveryRow: "created_at"}
_LONG_HOLDS = (HoldCode.QUIET_HOURS, HoldCode.DAILY_CAP, HoldCode.TICKET_OPEN)
"""Deliveries that failed before may wait for these, for days."""


def correct_waits(ctx: Context, job_intervals: Mapping[str, timedelta]) -> int:
    """End the waits of jobs, circuit breakers, quotas, leases and locks that are too long; return their number.

    Args:
        ctx: the application context.
        job_intervals: the longest delay between two runs of each periodic job.
    """
    now, count = ctx.clock(), 0
    latest = now + CLOCK_TOLERANCE
    with ctx.ledger.write() as session:
        for column, longest in _BOUNDED_COLUMNS:
            count += _set(session, column, column > latest + longest, now + longest)
        for name, interval in job_intervals.items():
            is_late = (col(JobRow.name) == name) & (col(JobRow.due_at) > latest + interval)
            count += _set(session, JobRow.due_at, is_late & (col(JobRow.state) == "pending"), now)
        for quota, longest in _load_longest_pauses(ctx, session):
            paused_until = col(QuotaRow.paused_until)
            count += _set(session, paused_until, quota & (paused_until > latest + longest), now)
            refilled_at, is_paused = col(QuotaRow.refilled_at), paused_until >= col(QuotaRow.refilled_at)
            is_ahead = (refilled_at > latest) & (paused_until.is_(None) | ~is_paused)
            count += _set(session, refilled_at, quota & is_ahead, now)
        return _record(session, count, now)


def correct_due_times(ctx: Context) -> int:
    """Correct the due times of queued work that a wrong clock has set; return their number. It reads whole queues."""
    now, corrected = ctx.clock(), 0
    for table, created in _CREATED_COLUMNS.items():
        created_at, due_at = table.__table__.c[created], col(table.due_at)
        with ctx.ledger.read() as session:
            is_failed = col(table.last_error).is_not(None) & (due_at > now + MAX_RETRY_AFTER + CLOCK_TOLERANCE)
            is_made_ahead = created_at > now + CLOCK_TOLERANCE
            query = select(table).where(col(table.state) == "pending", due_at > now, or_(is_failed, is_made_ahead))
            rows = session.execute(query.limit(ROWS_PER_RUN)).scalars().all()
        values: dict[int, dict[str, Any]] = {}
        for row in rows:
            if (ahead := getattr(row, created) - now) > CLOCK_TOLERANCE:
                values[row.id] = {created: now, "due_at": row.due_at - ahead}
            elif getattr(row, "hold_code", None) not in _LONG_HOLDS and row.due_at > now + _longest_wait(ctx, row):
                values[row.id] = {"due_at": now}
        with ctx.ledger.write() as session:
            for row_id, columns in values.items():
                is_unclaimed = (col(table.id) == row_id) & (col(table.state) == "pending")
                session.execute(update(table).where(is_unclaimed).values(**columns))
            _record(session, len(values), now)
        corrected += len(values)
    return corrected


def _set(session: Session, column: Any, condition: ColumnElement[bool], value: datetime) -> int:  # noqa: ANN401
    statement = update(column.class_).where(condition).values({column.key: value})
    result: Any = session.execute(statement.execution_options(synchronize_session=False))
    return int(result.rowcount)


def _load_longest_pauses(ctx: Context, session: Session) -> Iterator[tuple[ColumnElement[bool], timedelta]]:
    """Yield a condition for each stored quota, and its longest pause: its window, and an hour for what vendors ask."""
    for connection, name in session.execute(select(col(QuotaRow.connection), col(QuotaRow.name))).all():
        window = 0.0
        if connection in ctx.connections:
            info, settings = ctx.connector_info(connection), ctx.connections[connection].settings
            quotas = info.quotas_for(settings) if info.quotas_for else info.quotas
            window = max((quota.seconds for quota in quotas if quota.name == name), default=0.0)
        longest = max(timedelta(seconds=window), MAX_RETRY_AFTER)
        yield (col(QuotaRow.connection) == connection) & (col(QuotaRow.name) == name), longest


def _longest_wait(ctx: Context, row: Any) -> timedelta:  # noqa: ANN401  # a row of one of three tables
    plan: RetryPlan = INTAKE_PLAN
    if isinstance(row, DeliveryRow):
        plan = ctx.actions[row.action].plan(ctx.settings)
    return plan.longest_wait(row.attempts) + CLOCK_TOLERANCE


def _record(session: Session, count: int, now: datetime) -> int:
    if count:
        log.error("clock_was_wrong moments_corrected=%d finding=clock-skew", count)
        increment_counter(session, CORRECTED_COUNTER, "", now.date(), count)
    return count
