"""Claim, start, settle: how workers share claimable work without losing or doubling any of it.

Claim, commit, call, settle: no lock is ever held across a vendor call. A claim gives a lease under a token; every later
write is fenced by that token, so a worker that lost its lease can change nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Integer,
    Select,
    Table,
    bindparam,
    case,
    func,
    literal_column,
    null,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import PENDING, RUNNING, in_list, json_rows, json_rows_parameter, without_index
from nps_connect.ledger.columns import QueuedRow, UtcDateTime

log = logging.getLogger(__name__)

Row = TypeVar("Row", bound=QueuedRow)

LEASE_DURATION = timedelta(seconds=30)
"""Renewed by a living worker long before it ends (`renew`), so that a dead worker's rows are free within this time."""


def claim(session: Session, table: type[Row], queue_name: str, *, token: str, now: datetime, limit: int) -> list[Row]:
    """Take up to `limit` due rows of a queue, oldest due first, under a lease.

    Rows that another worker is taking at this moment are passed over, not waited for.
    """
    return load_claimed(
        session, table, claim_ids(session, table, queue_name, token=token, now=now, limit=limit), token=token
    )


def claim_ids(
    session: Session,
    table: type[QueuedRow],
    queue_name: str,
    *,
    token: str,
    now: datetime,
    limit: int,
    start: bool = False,
) -> list[int]:
    """Like `claim`, for whoever reads the rows otherwise; with `start`, their effects begin now as well."""
    told = {"of_queue": queue_name, "token": token, "now": now, "until": now + LEASE_DURATION}
    return list(session.connection().execute(_claim_statement(table, limit, start), told).scalars().all())


@lru_cache
def _claim_statement(table: type[QueuedRow], limit: int, start: bool) -> ReturningUpdate[int]:
    """The limit is part of the text: a plan made for any number would expect a tenth of the table."""
    bare, now = _table(table), bindparam("now", type_=UtcDateTime())
    due = (
        select(bare.c.id)
        .where(bare.c.queue_name == bindparam("of_queue"), bare.c.state == PENDING, bare.c.due_at <= now)
        .order_by(bare.c.due_at, bare.c.id)
        .limit(literal_column(str(limit), Integer()))
        .with_for_update(skip_locked=True)
        .cte("due")  # as a mere subquery PostgreSQL may ask it more than once, and so claim more than the limit
    )
    values: dict[str, Any] = {"state": "running", "lease_token": bindparam("token"), "started_at": null()}
    if start:
        values |= {"started_at": now, "first_started_at": func.coalesce(bare.c.first_started_at, now)}
    until = bindparam("until", type_=UtcDateTime())
    return update(bare).where(bare.c.id.in_(select(due.c.id))).values(lease_until=until, **values).returning(bare.c.id)


def undo_start(session: Session, table: type[QueuedRow], ids: Sequence[int], *, token: str, now: datetime) -> None:
    """Take back that effects began at `now`, in the transaction that claimed them; they are held still."""
    bare = _table(table)
    first = bare.c.first_started_at
    session.connection().execute(
        update(bare)
        .where(in_list(bare.c.id, "ids"), bare.c.lease_token == token)
        .values(started_at=null(), first_started_at=case((first == now, null()), else_=first)),
        {"ids": list(ids)},
    )


def load_claimed(session: Session, table: type[Row], ids: Sequence[int], *, token: str) -> list[Row]:
    """The claimed rows, oldest due first; one that cannot be read (a damaged JSON column) goes dead alone."""
    if not ids:
        return []
    try:
        rows = list(session.execute(_select_by_ids(table), {"ids": list(ids)}).scalars())
    except (ValueError, TypeError):
        rows = _load_readable(session, table, ids, token)
    return sorted(rows, key=lambda row: (row.due_at, _id_of(row)))


@lru_cache
def _select_by_ids(table: type[QueuedRow]) -> Select[Any]:
    return select(table).where(in_list(_id(table), "ids")).execution_options(populate_existing=True)


def _load_readable(session: Session, table: type[Row], ids: Sequence[int], token: str) -> list[Row]:
    rows = []
    for row_id in ids:
        try:
            rows.append(session.execute(select(table).where(_id(table) == row_id)).scalar_one())
        except (ValueError, TypeError) as error:
            log.error("damaged row table=%s id=%s: %s", table.__tablename__, row_id, error)
            told = {"state": "dead", "last_error": f"the row cannot be read ({error})"}
            settle(session, table, row_id, token=token, values=told)
    return rows


def start(
    session: Session,
    table: type[QueuedRow],
    ids: Sequence[int],
    *,
    token: str,
    now: datetime,
    **values: ColumnElement[Any],
) -> set[int]:
    """Note, before the vendor is called, that these effects begin; returns the ids that we still hold."""
    return set(
        session.execute(
            update(table)
            .where(_id(table).in_(ids), _is_held_by(table, token))
            .values(started_at=now, lease_until=now + LEASE_DURATION, **values)
            .returning(_id(table))
            .execution_options(synchronize_session=False)
        ).scalars()
    )


def renew(session: Session, table: type[QueuedRow], tokens: Sequence[str], *, now: datetime) -> None:
    """Hold on to everything that was claimed under these tokens."""
    session.execute(
        update(table)
        .where(col(table.state) == "running", col(table.lease_token).in_(tokens))
        .values(lease_until=now + LEASE_DURATION)
        .execution_options(synchronize_session=False)
    )


def lock_held(session: Session, table: type[QueuedRow], ids: Sequence[int], *, token: str) -> set[int]:
    """Which of these rows we still hold, locked for this transaction."""
    query = select(_id(table)).where(_id(table).in_(ids), _is_held_by(table, token)).order_by(_id(table))
    return set(session.execute(query.with_for_update()).scalars())


def settle_each(
    session: Session, table: type[QueuedRow], values: Mapping[int, Mapping[str, Any]], *, token: str
) -> set[int]:
    """Settle rows, each with values of its own, by one statement per set of columns.

    Args:
        session: the transaction.
        table: whose rows.
        values: the new values by row id; what JSON knows, and aware moments.
        token: of the claim.

    Returns:
        The ids that we still held; the others are not written.
    """
    alike: dict[tuple[str, ...], list[int]] = {}
    for row_id in sorted(values):
        alike.setdefault(tuple(values[row_id]), []).append(row_id)
    sqlite = session.get_bind().dialect.name == "sqlite"
    written: set[int] = set()
    for names, ids in alike.items():
        first = values[ids[0]]
        same = tuple(name for name in names if all(values[row_id][name] == first[name] for row_id in ids))
        own = tuple(name for name in names if name not in same)
        told: dict[str, Any] = {"token": token, **{f"to_{name}": first[name] for name in same}}
        if own:
            rows = [(row_id, *(values[row_id][name] for name in own)) for row_id in ids]
            told |= json_rows_parameter(rows, ("id", *own), sqlite=sqlite)
        else:
            told["ids"] = ids
        statement = _settle_each_statement(_table(table), same, own, sqlite)
        written.update(session.connection().execute(statement, told).scalars().all())
    return written


@lru_cache(maxsize=256)
def _settle_each_statement(
    bare: Table, same: tuple[str, ...], own: tuple[str, ...], sqlite: bool
) -> ReturningUpdate[int]:
    """Made once, so that it need not be compiled again."""
    values: dict[str, Any] = {name: bindparam(f"to_{name}", type_=bare.c[name].type) for name in same}
    which: ColumnElement[bool] = in_list(bare.c.id, "ids")
    if own:
        _, columns = json_rows(bare, ("id", *own), sqlite=sqlite)
        which = bare.c.id == columns.pop("id")
        values |= columns
    return (
        update(bare)
        .where(which, without_index(bare.c.state) == RUNNING, bare.c.lease_token == bindparam("token"))
        .values(lease_token=null(), lease_until=null(), **values)
        .returning(bare.c.id)
    )


def settle(session: Session, table: type[QueuedRow], row_id: int, *, token: str, values: Mapping[str, Any]) -> bool:
    """Write a row's new state; false if the lease was lost meanwhile (then nothing is written)."""
    result = session.execute(
        update(table)
        .where(_id(table) == row_id, _is_held_by(table, token))
        .values(lease_token=None, lease_until=None, **values)
        .execution_options(synchronize_session=False)
    )
    return _row_count(result) == 1


def settle_many(
    session: Session, table: type[QueuedRow], ids: Sequence[int], *, token: str, values: Mapping[str, Any]
) -> int:
    """Like `settle` for rows that end alike; returns how many were written."""
    result = session.execute(
        update(table)
        .where(_id(table).in_(ids), _is_held_by(table, token))
        .values(lease_token=None, lease_until=None, **values)
        .execution_options(synchronize_session=False)
    )
    return _row_count(result)


def release(session: Session, table: type[QueuedRow], ids: Sequence[int], *, token: str) -> None:
    """Give claimed rows back that were never started."""
    settle_many(session, table, ids, token=token, values={"state": "pending", "started_at": None})


def lock_expired(session: Session, table: type[Row], *, now: datetime | None, limit: int = 500) -> list[Row]:
    """Rows whose worker is gone: lease run out by `now`, or every running row when `now` is none (after a restart).

    They are locked for this transaction.
    """
    overdue = col(table.lease_until) <= now if now is not None else col(table.state) == "running"
    return list(
        session.execute(
            select(table)
            .where(col(table.state) == "running", overdue)
            .order_by(_id(table))
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).scalars()
    )


def next_due(session: Session, table: type[QueuedRow], queue_name: str) -> datetime | None:
    """When the queue's first pending row falls due, or none."""
    return session.connection().execute(_next_due_statement(table), {"of_queue": queue_name}).scalar()


@lru_cache
def _next_due_statement(table: type[QueuedRow]) -> Select[Any]:
    bare = _table(table)
    mine = (bare.c.queue_name == bindparam("of_queue"), bare.c.state == PENDING)
    return select(bare.c.due_at).where(*mine).order_by(bare.c.due_at, bare.c.id).limit(1)


def _is_held_by(table: type[QueuedRow], token: str) -> ColumnElement[bool]:
    return (col(table.state) == "running") & (col(table.lease_token) == token)


def _id(table: type[QueuedRow]) -> Any:  # noqa: ANN401  # every Work table has an id, declared by the table itself
    return table.id  # type: ignore[attr-defined]


def _table(table: type[QueuedRow]) -> Table:
    return table.__table__  # type: ignore[attr-defined,no-any-return]


def _id_of(row: QueuedRow) -> int:
    return int(row.id)  # type: ignore[attr-defined]


def _row_count(result: object) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
