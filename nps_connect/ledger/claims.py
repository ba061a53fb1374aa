"""The claim protocol: claim, start and settle queued rows.

Claim, commit, call, settle: no lock is held across a vendor call. A claim is a lease under a random token; every later
write is fenced by that token, so that a worker that lost its lease cannot change the row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
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

from nps_connect.ledger.bulk_sql import (
    PENDING,
    RUNNING,
    in_list,
    json_rows,
    json_rows_parameter,
    load_columns,
    without_index,
)
from nps_connect.ledger.columns import QueuedRow, UtcDateTime

Row = TypeVar("Row", bound=QueuedRow)

LEASE_DURATION = timedelta(seconds=30)
"""A live worker renews its leases well before they expire (`renew`); rows of a dead worker are free after this time."""


def claim(session: Session, table: type[Row], queue_name: str, *, token: str, now: datetime, limit: int) -> list[Row]:
    """Claim up to `limit` due rows of a queue, oldest due time first, and load them with read-only columns.

    Rows locked by another worker are skipped.
    """
    ids = claim_ids(session, table, queue_name, token=token, now=now, limit=limit)
    return load_claimed(session, table, ids, token=token)


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
    """Claim like `claim`, without loading the rows; with `start`, also record that their effects begin now."""
    parameters = {"queue": queue_name, "token": token, "now": now, "until": now + LEASE_DURATION}
    return list(session.connection().execute(_claim_statement(table, limit, start), parameters).scalars().all())


@lru_cache
def _claim_statement(table: type[QueuedRow], limit: int, start: bool) -> ReturningUpdate[int]:
    # LIMIT is a literal: with a parameter PostgreSQL estimates 10 % of the table
    target, now = table.__table__, bindparam("now", type_=UtcDateTime())
    due = (
        select(target.c.id)
        .where(target.c.queue_name == bindparam("queue"), target.c.state == PENDING, target.c.due_at <= now)
        .order_by(target.c.due_at, target.c.id)
        .limit(literal_column(str(limit), Integer()))
        .with_for_update(skip_locked=True)
        .cte("due")  # a plain subquery may be run more than once by PostgreSQL, and claim more than the limit
    )
    values: dict[str, Any] = {"state": "running", "lease_token": bindparam("token"), "started_at": null()}
    if start:
        values |= {"started_at": now, "first_started_at": func.coalesce(target.c.first_started_at, now)}
    until = bindparam("until", type_=UtcDateTime())
    return (
        update(target)
        .where(target.c.id.in_(select(due.c.id)))
        .values(lease_until=until, **values)
        .returning(target.c.id)
    )


def undo_start(session: Session, table: type[QueuedRow], ids: Sequence[int], *, token: str, now: datetime) -> None:
    """Undo `claim_ids(..., start=True)` of the same transaction for some rows; the claim itself stays."""
    target = table.__table__
    first_started_at = target.c.first_started_at
    session.connection().execute(
        update(target)
        .where(in_list(target.c.id, "ids"), target.c.lease_token == token)
        .values(started_at=null(), first_started_at=case((first_started_at == now, null()), else_=first_started_at)),
        {"ids": list(ids)},
    )


def load_claimed(
    session: Session, table: type[Row], ids: Collection[int], *, token: str, without: Sequence[str] = ()
) -> list[Row]:
    """Load read-only columns of claimed rows, oldest due time first.

    A row that cannot be read (damaged JSON) is set dead, alone.

    Args:
        session: the transaction.
        table: of the rows.
        ids: of the rows.
        token: the lease token of the claim.
        without: columns that are not needed.
    """
    rows = load_columns(session, table, ids, without=without)
    if damaged_ids := set(ids) - rows.keys():
        values = {"state": "dead", "last_error": "the row cannot be read"}
        settle_many(session, table, dict.fromkeys(damaged_ids, values), token=token)
    return sorted(rows.values(), key=attrgetter("due_at", "id"))


def start(
    session: Session, table: type[QueuedRow], ids: Sequence[int], *, token: str, now: datetime, has_effect: bool = True
) -> set[int]:
    """Record, before the vendor is called, that these attempts begin; returns the ids whose lease is still held.

    Without `has_effect` the attempt has none yet: `start` is called again right before it has.
    """
    parameters = {"ids": list(ids), "token": token, "now": now, "until": now + LEASE_DURATION}
    return set(session.connection().execute(_start_statement(table.__table__, has_effect), parameters).scalars())


@lru_cache
def _start_statement(target: Table, has_effect: bool) -> ReturningUpdate[int]:
    now = bindparam("now", type_=UtcDateTime())
    values: dict[str, Any] = {"lease_until": bindparam("until", type_=UtcDateTime())}
    if has_effect:
        values["started_at"] = now
    if "first_started_at" in target.c:
        values["first_started_at"] = func.coalesce(target.c.first_started_at, now)
    return (
        update(target)
        .where(
            in_list(target.c.id, "ids"),
            without_index(target.c.state) == RUNNING,
            target.c.lease_token == bindparam("token"),
        )
        .values(**values)
        .returning(target.c.id)
    )


def take_over(
    session: Session, table: type[QueuedRow], ids: Sequence[int], states: Sequence[str], *, token: str, now: datetime
) -> set[int]:
    """Claim rows that are in one of these states, whenever they are due; returns their ids."""
    target = table.__table__
    statement = (
        update(target)
        .where(target.c.id.in_(ids), target.c.state.in_(states))
        .values(state="running", lease_token=token, lease_until=now + LEASE_DURATION, started_at=None)
        .returning(target.c.id)
    )
    return set(session.connection().execute(statement).scalars())


def renew(session: Session, table: type[QueuedRow], tokens: Sequence[str], *, now: datetime) -> None:
    """Extend the leases under these tokens."""
    session.execute(
        update(table)
        .where(col(table.state) == "running", col(table.lease_token).in_(tokens))
        .values(lease_until=now + LEASE_DURATION)
        .execution_options(synchronize_session=False)
    )


def lock_held(session: Session, table: type[QueuedRow], ids: Sequence[int], *, token: str) -> set[int]:
    """Lock these rows for the transaction; returns the ids whose lease is still held."""
    columns = table.__table__.c
    is_held = (columns.state == "running") & (columns.lease_token == token)
    query = select(columns.id).where(columns.id.in_(ids), is_held).order_by(columns.id)
    return set(session.execute(query.with_for_update()).scalars())


def settle_many(
    session: Session, table: type[QueuedRow], values_by_id: Mapping[int, Mapping[str, Any]], *, token: str
) -> set[int]:
    """Write the new state of claimed rows, each with its own values, by one statement per set of columns.

    Args:
        session: the transaction.
        table: of the rows.
        values_by_id: the new values of each row: what JSON can hold, and aware datetimes.
        token: the lease token of the claim.

    Returns:
        The ids that were written; a row whose lease was lost is left as it is.
    """
    ids_by_names: dict[tuple[str, ...], list[int]] = {}
    for row_id in sorted(values_by_id):
        ids_by_names.setdefault(tuple(values_by_id[row_id]), []).append(row_id)
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    settled_ids: set[int] = set()
    for names, ids in ids_by_names.items():
        parameters: dict[str, Any] = {"token": token}
        varying = {"id": ids}
        for name in names:
            column = [*map(itemgetter(name), map(values_by_id.__getitem__, ids))]
            if column.count(column[0]) == len(column):
                parameters[f"to_{name}"] = column[0]
            else:
                varying[name] = column
        if len(varying) > 1:
            rows = list(zip(*varying.values(), strict=True))
            parameters |= json_rows_parameter(rows, list(varying), sqlite=is_sqlite)
        else:
            parameters["ids"] = ids
        statement = _settle_statement(table.__table__, names, tuple(varying), is_sqlite)
        settled_ids.update(session.connection().execute(statement, parameters).scalars())
    return settled_ids


@lru_cache(maxsize=256)
def _settle_statement(
    target: Table, names: tuple[str, ...], varying: tuple[str, ...], is_sqlite: bool
) -> ReturningUpdate[int]:
    shared = [name for name in names if name not in varying]
    values: dict[str, Any] = {name: bindparam(f"to_{name}", type_=target.c[name].type) for name in shared}
    condition: ColumnElement[bool] = in_list(target.c.id, "ids")
    if len(varying) > 1:
        _, columns = json_rows(target, varying, sqlite=is_sqlite)
        condition = target.c.id == columns.pop("id")
        values |= columns
    return (
        update(target)
        .where(condition, without_index(target.c.state) == RUNNING, target.c.lease_token == bindparam("token"))
        .values(lease_token=null(), lease_until=null(), **values)
        .returning(target.c.id)
    )


def release(session: Session, table: type[QueuedRow], ids: Sequence[int], *, token: str) -> None:
    """Return claimed rows that were never started to their queue."""
    settle_many(session, table, {row_id: {"state": "pending", "started_at": None} for row_id in ids}, token=token)


def lock_expired(session: Session, table: type[Row], *, now: datetime | None, limit: int = 500) -> list[Row]:
    """Lock and return rows whose worker is gone: the lease expired before `now`.

    None as `now` means every running row (after a restart, when no worker can be alive).
    """
    expired = col(table.lease_until) <= now if now is not None else col(table.state) == "running"
    return list(
        session.execute(
            select(table)
            .where(col(table.state) == "running", expired)
            .order_by(table.__table__.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).scalars()
    )


def advisory_lock(session: Session, name: str) -> None:
    """Serialise the transactions that take this lock, until they end. On SQLite the write lock does that."""
    if session.get_bind().dialect.name != "sqlite":
        session.connection().execute(_ADVISORY_LOCK, {"lock_name": name})


_ADVISORY_LOCK = select(func.pg_advisory_xact_lock(func.hashtext(bindparam("lock_name"))))


def next_due(session: Session, table: type[QueuedRow], queue_name: str) -> datetime | None:
    """Return the due time of the queue's first pending row; None if there is none."""
    return session.connection().execute(_next_due_statement(table), {"queue": queue_name}).scalar()


@lru_cache
def _next_due_statement(table: type[QueuedRow]) -> Select[Any]:
    target = table.__table__
    pending = (target.c.queue_name == bindparam("queue"), target.c.state == PENDING)
    return select(target.c.due_at).where(*pending).order_by(target.c.due_at, target.c.id).limit(1)
