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

from nps_connect.ledger.columns import UtcDateTime, Work
from nps_connect.ledger.many import PENDING, RUNNING, beside, one_of, tell, told_rows

log = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Work)

LEASE = timedelta(seconds=30)
"""Renewed by a living worker long before it ends (`renew`), so that a dead worker's rows are free within this time."""


def claim(session: Session, table: type[Row], lane: str, *, token: str, now: datetime, limit: int) -> list[Row]:
    """Take up to `limit` due rows of a lane, oldest due first, under a lease.

    Rows that another worker is taking at this moment are passed over, not waited for.
    """
    return read_claimed(session, table, claim_ids(session, table, lane, token=token, now=now, limit=limit), token=token)


def claim_ids(
    session: Session, table: type[Work], lane: str, *, token: str, now: datetime, limit: int, start: bool = False
) -> list[int]:
    """Like `claim`, for whoever reads the rows otherwise; with `start`, their effects begin now as well."""
    told = {"of_lane": lane, "token": token, "now": now, "until": now + LEASE}
    return list(session.connection().execute(_claiming(table, limit, start), told).scalars().all())


@lru_cache
def _claiming(table: type[Work], limit: int, start: bool) -> ReturningUpdate[int]:
    """The limit is part of the text: a plan made for any number would expect a tenth of the table."""
    bare, now = _table(table), bindparam("now", type_=UtcDateTime())
    due = (
        select(bare.c.id)
        .where(bare.c.lane == bindparam("of_lane"), bare.c.state == PENDING, bare.c.due_at <= now)
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


def not_started(session: Session, table: type[Work], ids: Sequence[int], *, token: str, now: datetime) -> None:
    """Take back that effects began at `now`, in the transaction that claimed them; they are held still."""
    bare = _table(table)
    first = bare.c.first_started_at
    session.connection().execute(
        update(bare)
        .where(one_of(bare.c.id, "ids"), bare.c.lease_token == token)
        .values(started_at=null(), first_started_at=case((first == now, null()), else_=first)),
        {"ids": list(ids)},
    )


def read_claimed(session: Session, table: type[Row], ids: Sequence[int], *, token: str) -> list[Row]:
    """The claimed rows, oldest due first; one that cannot be read (a damaged JSON column) goes dead alone."""
    if not ids:
        return []
    try:
        rows = list(session.execute(_reading(table), {"ids": list(ids)}).scalars())
    except (ValueError, TypeError):
        rows = _readable(session, table, ids, token)
    return sorted(rows, key=lambda row: (row.due_at, _id_of(row)))


@lru_cache
def _reading(table: type[Work]) -> Select[Any]:
    return select(table).where(one_of(_id(table), "ids")).execution_options(populate_existing=True)


def _readable(session: Session, table: type[Row], ids: Sequence[int], token: str) -> list[Row]:
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
    session: Session, table: type[Work], ids: Sequence[int], *, token: str, now: datetime, **values: ColumnElement[Any]
) -> set[int]:
    """Note, before the vendor is called, that these effects begin; returns the ids that we still hold."""
    return set(
        session.execute(
            update(table)
            .where(_id(table).in_(ids), _held_by(table, token))
            .values(started_at=now, lease_until=now + LEASE, **values)
            .returning(_id(table))
            .execution_options(synchronize_session=False)
        ).scalars()
    )


def renew(session: Session, table: type[Work], tokens: Sequence[str], *, now: datetime) -> None:
    """Hold on to everything that was claimed under these tokens."""
    session.execute(
        update(table)
        .where(col(table.state) == "running", col(table.lease_token).in_(tokens))
        .values(lease_until=now + LEASE)
        .execution_options(synchronize_session=False)
    )


def held(session: Session, table: type[Work], ids: Sequence[int], *, token: str) -> set[int]:
    """Which of these rows we still hold, locked for this transaction."""
    query = select(_id(table)).where(_id(table).in_(ids), _held_by(table, token)).order_by(_id(table))
    return set(session.execute(query.with_for_update()).scalars())


def write_each(session: Session, table: type[Work], values: Mapping[int, Mapping[str, Any]], *, token: str) -> set[int]:
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
            told |= tell(rows, ("id", *own), sqlite=sqlite)
        else:
            told["ids"] = ids
        statement = _writing(_table(table), same, own, sqlite)
        written.update(session.connection().execute(statement, told).scalars().all())
    return written


@lru_cache(maxsize=256)
def _writing(bare: Table, same: tuple[str, ...], own: tuple[str, ...], sqlite: bool) -> ReturningUpdate[int]:
    """Made once, so that it need not be compiled again."""
    values: dict[str, Any] = {name: bindparam(f"to_{name}", type_=bare.c[name].type) for name in same}
    which: ColumnElement[bool] = one_of(bare.c.id, "ids")
    if own:
        _, columns = told_rows(bare, ("id", *own), sqlite=sqlite)
        which = bare.c.id == columns.pop("id")
        values |= columns
    return (
        update(bare)
        .where(which, beside(bare.c.state) == RUNNING, bare.c.lease_token == bindparam("token"))
        .values(lease_token=null(), lease_until=null(), **values)
        .returning(bare.c.id)
    )


def settle(session: Session, table: type[Work], row_id: int, *, token: str, values: Mapping[str, Any]) -> bool:
    """Write a row's new state; false if the lease was lost meanwhile (then nothing is written)."""
    result = session.execute(
        update(table)
        .where(_id(table) == row_id, _held_by(table, token))
        .values(lease_token=None, lease_until=None, **values)
        .execution_options(synchronize_session=False)
    )
    return _count(result) == 1


def settle_alike(
    session: Session, table: type[Work], ids: Sequence[int], *, token: str, values: Mapping[str, Any]
) -> int:
    """Like `settle` for rows that end alike; returns how many were written."""
    result = session.execute(
        update(table)
        .where(_id(table).in_(ids), _held_by(table, token))
        .values(lease_token=None, lease_until=None, **values)
        .execution_options(synchronize_session=False)
    )
    return _count(result)


def release(session: Session, table: type[Work], ids: Sequence[int], *, token: str) -> None:
    """Give claimed rows back that were never started."""
    settle_alike(session, table, ids, token=token, values={"state": "pending", "started_at": None})


def lost(session: Session, table: type[Row], *, now: datetime | None, limit: int = 500) -> list[Row]:
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


def next_due(session: Session, table: type[Work], lane: str) -> datetime | None:
    """When the lane's first pending row falls due, or none."""
    return session.connection().execute(_first_due(table), {"of_lane": lane}).scalar()


@lru_cache
def _first_due(table: type[Work]) -> Select[Any]:
    bare = _table(table)
    mine = (bare.c.lane == bindparam("of_lane"), bare.c.state == PENDING)
    return select(bare.c.due_at).where(*mine).order_by(bare.c.due_at, bare.c.id).limit(1)


def _held_by(table: type[Work], token: str) -> ColumnElement[bool]:
    return (col(table.state) == "running") & (col(table.lease_token) == token)


def _id(table: type[Work]) -> Any:  # noqa: ANN401  # every Work table has an id, declared by the table itself
    return table.id  # type: ignore[attr-defined]


def _table(table: type[Work]) -> Table:
    return table.__table__  # type: ignore[attr-defined,no-any-return]


def _id_of(row: Work) -> int:
    return int(row.id)  # type: ignore[attr-defined]


def _count(result: object) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
