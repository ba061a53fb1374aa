"""Claim, start, settle: how workers share claimable work without losing or doubling any of it.

Claim, commit, call, settle: no lock is ever held across a vendor call. A claim gives a lease under a token; every later
write is fenced by that token, so a worker that lost its lease can change nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, CursorResult, Table, bindparam, select, update
from sqlmodel import Session, col

from nps_connect.ledger.columns import Work

log = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Work)

LEASE = timedelta(seconds=30)
"""Renewed by a living worker long before it ends (`renew`), so that a dead worker's rows are free within this time."""


def claim(session: Session, table: type[Row], lane: str, *, token: str, now: datetime, limit: int) -> list[Row]:
    """Take up to `limit` due rows of a lane, oldest due first, under a lease.

    Rows that another worker is taking at this moment are passed over, not waited for.
    """
    due = (
        select(_id(table))
        .where(col(table.lane) == lane, col(table.state) == "pending", col(table.due_at) <= now)
        .order_by(col(table.due_at), _id(table))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = session.execute(
        update(table)
        .where(_id(table).in_(due))
        .values(state="running", lease_token=token, lease_until=now + LEASE, started_at=None)
        .returning(table)
        .execution_options(synchronize_session=False)
    ).scalars()
    try:
        rows = list(taken)
    except (ValueError, TypeError):
        rows = _readable(session, table, token)
    return sorted(rows, key=lambda row: (row.due_at, _id_of(row)))


def _readable(session: Session, table: type[Row], token: str) -> list[Row]:
    """The claimed rows one by one: one that cannot be read (a damaged JSON column) goes dead alone."""
    rows = []
    for row_id in session.execute(select(_id(table)).where(_held_by(table, token))).scalars().all():
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


def write_each(session: Session, table: type[Work], values: Mapping[int, Mapping[str, Any]]) -> None:
    """Settle rows that `held` has locked, each with values of its own; one statement per set of columns."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for row_id, own in values.items():
        alike.setdefault(tuple(sorted(own)), []).append(row_id)
    bare: Table = table.__table__  # type: ignore[attr-defined]
    for names, ids in alike.items():
        first = values[ids[0]]
        same = {name: first[name] for name in names if all(values[row_id][name] == first[name] for row_id in ids)}
        free = update(bare).values(lease_token=None, lease_until=None, **same)
        if len(same) == len(names):
            session.connection().execute(free.where(bare.c.id.in_(ids)))
            continue
        own_names = [name for name in names if name not in same]
        each = free.values({name: bindparam(f"to_{name}") for name in own_names})
        rows = [{"of_id": row_id, **{f"to_{name}": values[row_id][name] for name in own_names}} for row_id in ids]
        session.connection().execute(each.where(bare.c.id == bindparam("of_id")), rows)


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
    return session.execute(
        select(col(table.due_at))
        .where(col(table.lane) == lane, col(table.state) == "pending")
        .order_by(col(table.due_at), _id(table))
        .limit(1)
    ).scalar()


def _held_by(table: type[Work], token: str) -> ColumnElement[bool]:
    return (col(table.state) == "running") & (col(table.lease_token) == token)


def _id(table: type[Work]) -> Any:  # noqa: ANN401  # every Work table has an id, declared by the table itself
    return table.id  # type: ignore[attr-defined]


def _id_of(row: Work) -> int:
    return int(row.id)  # type: ignore[attr-defined]


def _count(result: object) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
