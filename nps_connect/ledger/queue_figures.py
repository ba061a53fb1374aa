"""Figures of queues, each read from a partial index: their cost follows the number of queues and of waiting rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, Table, bindparam, func, literal_column, select
from sqlmodel import Session

from nps_connect.ledger.bulk_sql import PENDING, by_partial_index
from nps_connect.ledger.columns import QueuedRow, UtcDateTime
from nps_connect.ledger.tables import AttemptRow, DeliveryRow

SUCCEEDED: ColumnElement[str] = literal_column("'succeeded'")
"""A literal, see `PENDING`."""


@dataclass(frozen=True)
class WaitingRows:
    """The pending rows of one queue.

    Attributes:
        pending: how many, whenever they are due.
        due: how many are due now; deliveries count also while they wait for another attempt.
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
    for name, pending, due, oldest, *first_attempts in rows:
        waiting[name] = WaitingRows(int(pending), int(due), min([oldest, *filter(None, first_attempts)]))
    return waiting


def load_last_successes(session: Session) -> dict[str, datetime]:
    """Load when each queue's newest delivery succeeded, by queue; queues without any are absent."""
    return dict(session.connection().execute(_last_success_query()).all())


@lru_cache
def _waiting_query(table: type[QueuedRow]) -> Select[Any]:
    rows: Table = table.__table__
    names = _queue_names(rows, lambda row: by_partial_index(row.c.state == PENDING))
    is_pending = (rows.c.queue_name == names.c.name) & by_partial_index(rows.c.state == PENDING)
    count = select(func.count()).select_from(rows).where(is_pending)
    is_due = rows.c.due_at <= bindparam("now", type_=UtcDateTime())
    oldest = select(func.min(rows.c.due_at)).where(is_pending)
    queries: list[Select[Any]] = [count, count.where(is_due), oldest]
    if table is DeliveryRow:  # each retry moves the due time, and an operator means the first one
        is_retried = rows.c.attempts > 0
        attempts: Table = AttemptRow.__table__
        of_retried = rows.join(attempts, attempts.c.delivery_id == rows.c.id)
        first_attempt = select(func.min(attempts.c.started_at)).select_from(of_retried).where(is_pending, is_retried)
        queries = [count, count.where(is_due | is_retried), oldest, first_attempt]
    figures = (query.correlate(names).scalar_subquery() for query in queries)
    return select(names.c.name, *figures).where(names.c.name.is_not(None))


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
    names = first.cte("queue_names", recursive=True)
    others = rows.alias()
    is_following = condition(others) & (others.c.queue_name > names.c.name)
    following = select(func.min(others.c.queue_name)).where(is_following)
    return names.union_all(select(following.correlate(names).scalar_subquery()).where(names.c.name.is_not(None)))
