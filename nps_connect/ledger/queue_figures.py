"""Figures of queues, each read from a partial index: their cost follows the number of queues, not that of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Select,
    Table,
    bindparam,
    func,
    literal_column,
    select,
    union_all,
)
from sqlmodel import Session

from nps_connect.ledger.bulk_sql import PENDING, by_partial_index
from nps_connect.ledger.columns import QueuedRow, UtcDateTime
from nps_connect.ledger.tables import AttemptRow, DeliveryRow

SUCCEEDED: ColumnElement[str] = literal_column("'succeeded'")
"""A literal, see `PENDING`."""

RETRIED: ColumnElement[bool] = literal_column("deliveries.attempts > 0")
"""A literal, see `PENDING`."""

COUNT_LIMIT = 10_000
"""Rows of a queue are counted up to this number: a million index entries would take a third of a second."""


@dataclass(frozen=True)
class WaitingRows:
    """The pending rows of one queue.

    Attributes:
        pending: how many, whenever they are due; `COUNT_LIMIT` means so many or more.
        due: how many are due now, `COUNT_LIMIT` likewise; deliveries count also while they wait for another attempt.
        oldest_due_at: the due time of the first of them, which may lie ahead; of a delivery that is tried again, its
            first attempt.
    """

    pending: int
    due: int
    oldest_due_at: datetime


def load_waiting_rows(session: Session, table: type[QueuedRow], now: datetime) -> dict[str, WaitingRows]:
    """Load the queues of a table that have pending rows, by name."""
    rows = session.connection().execute(_waiting_query(table), {"now": now})
    waiting: dict[str, WaitingRows] = {}
    for name, pending, due, oldest, *retried in rows:
        retried_later, first_attempt = retried or (0, None)
        oldest_due_at = oldest if first_attempt is None else min(oldest, first_attempt)
        waiting[name] = WaitingRows(int(pending), int(due) + int(retried_later), oldest_due_at)
    return waiting


def format_counts(counts: Iterable[int]) -> str:
    """Return the sum of counts of several queues, such as ``12``; ``10000+`` if one of them reached `COUNT_LIMIT`."""
    counts = list(counts)
    return f"{sum(counts)}+" if any(count >= COUNT_LIMIT for count in counts) else str(sum(counts))


def load_due_times(session: Session, tables: Iterable[type[QueuedRow]]) -> dict[str, datetime]:
    """Load when the first pending row of each queue of these tables is due, by queue, with one statement."""
    return dict(session.connection().execute(_due_times_query(tuple(tables))).all())


def load_last_successes(session: Session) -> dict[str, datetime]:
    """Load when each queue's newest delivery succeeded, by queue; queues without any are absent."""
    return dict(session.connection().execute(_last_success_query()).all())


@lru_cache
def _waiting_query(table: type[QueuedRow]) -> Select[Any]:
    rows: Table = table.__table__
    names = _queue_names(rows, lambda row: by_partial_index(row.c.state == PENDING))
    is_pending = (rows.c.queue_name == names.c.name) & by_partial_index(rows.c.state == PENDING)
    is_due = rows.c.due_at <= bindparam("now", type_=UtcDateTime())
    queries = [
        _bounded_count(rows, names, is_pending),
        _bounded_count(rows, names, is_pending & is_due),
        select(func.min(rows.c.due_at)).where(is_pending),
    ]
    if table is DeliveryRow:  # each retry moves the due time, and an operator means the first one
        is_retried = (rows.c.queue_name == names.c.name) & by_partial_index(rows.c.state == PENDING) & RETRIED
        attempts: Table = AttemptRow.__table__
        of_retried = rows.join(attempts, attempts.c.delivery_id == rows.c.id)
        queries += [
            _bounded_count(rows, names, is_retried & ~is_due),
            select(func.min(attempts.c.started_at)).select_from(of_retried).where(is_retried),
        ]
    figures = (query.correlate(names).scalar_subquery() for query in queries)
    return select(names.c.name, *figures).where(names.c.name.is_not(None))


def _bounded_count(rows: Table, names: CTE, condition: ColumnElement[bool]) -> Select[Any]:
    """Return the query that counts such rows of a queue, up to `COUNT_LIMIT`."""
    limit: ColumnElement[int] = literal_column(str(COUNT_LIMIT))
    entries = select(rows.c.due_at).select_from(rows).where(condition).correlate(names).limit(limit)
    return select(func.count()).select_from(entries.subquery())


@lru_cache
def _due_times_query(tables: tuple[type[QueuedRow], ...]) -> CompoundSelect[Any]:
    return union_all(*(_table_due_times(table.__table__) for table in tables))


def _table_due_times(rows: Table) -> Select[Any]:
    is_pending = by_partial_index(rows.c.state == PENDING)
    names = _queue_names(rows, lambda row: by_partial_index(row.c.state == PENDING))
    first = select(func.min(rows.c.due_at)).where((rows.c.queue_name == names.c.name) & is_pending)
    return select(names.c.name, first.correlate(names).scalar_subquery()).where(names.c.name.is_not(None))


@lru_cache
def _last_success_query() -> Select[Any]:
    rows: Table = DeliveryRow.__table__
    names = _queue_names(rows, lambda row: by_partial_index(row.c.state == SUCCEEDED))
    of_queue = (rows.c.queue_name == names.c.name) & by_partial_index(rows.c.state == SUCCEEDED)
    newest = select(func.max(rows.c.finished_at)).where(of_queue)
    return select(names.c.name, newest.correlate(names).scalar_subquery()).where(names.c.name.is_not(None))


def _queue_names(rows: Table, condition: Callable[[Any], ColumnElement[bool]]) -> CTE:
    """Return the names of the queues that have such rows, and one None: one search of the index for each name."""
    first = select(func.min(rows.c.queue_name).label("name")).where(condition(rows))
    names = first.cte(f"{rows.name}_queue_names", recursive=True)
    others = rows.alias()
    is_following = condition(others) & (others.c.queue_name > names.c.name)
    following = select(func.min(others.c.queue_name)).where(is_following)
    return names.union_all(select(following.correlate(names).scalar_subquery()).where(names.c.name.is_not(None)))
