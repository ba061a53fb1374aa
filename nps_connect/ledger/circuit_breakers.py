"""Circuit breakers, shared by all workers: a vendor that is down is left alone, and tried by one call at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select, update
from sqlmodel import Session, col

from nps_connect.ledger.operational_tables import BreakerRow
from nps_connect.ledger.upserts import insert_for

FAILURE_THRESHOLD = 5
"""Failed calls in a row that open a breaker."""

OPEN_INTERVALS = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 30, 60, 120))
"""How long it stays open: the first time, the second time in a row, and so on."""

PROBE_TIMEOUT = timedelta(minutes=2)
"""How long the one call that goes first may take before another one may go."""

FAILING_SCOPES_QUERY = select(col(BreakerRow.scope))
OPEN_UNTIL_QUERY = select(col(BreakerRow.open_until)).where(col(BreakerRow.scope) == bindparam("scope"))


def open_until(session: Session, scope: str) -> datetime | None:
    """Before when no call may go out, or none."""
    return session.connection().execute(OPEN_UNTIL_QUERY, {"scope": scope}).scalar()


def acquire(session: Session, scope: str, *, now: datetime) -> str:
    """Ask before a call: ``closed`` (go on), ``open`` (not now), or ``probe`` (you go first, with one delivery)."""
    until = open_until(session, scope)
    if until is None:
        return "closed"
    mine = session.execute(
        update(BreakerRow)
        .where(col(BreakerRow.scope) == scope, col(BreakerRow.open_until) <= now)
        .values(open_until=now + PROBE_TIMEOUT)
        .returning(col(BreakerRow.scope))
        .execution_options(synchronize_session=False)
    ).scalar()
    return "open" if mine is None else "probe"


def release_probe(session: Session, scope: str, *, now: datetime) -> None:
    """A probe found nothing to do: the next one may go at once."""
    session.execute(
        update(BreakerRow)
        .where(col(BreakerRow.scope) == scope, col(BreakerRow.open_until).is_not(None))
        .values(open_until=now)
        .execution_options(synchronize_session=False)
    )


def record_failure(session: Session, scope: str, *, reason: str, now: datetime, probe: bool = False) -> int:
    """Count a failed call; returns how many in a row. `FAILURE_THRESHOLD` open the breaker; a failed probe does, for longer."""
    statement = insert_for(session, BreakerRow).values(scope=scope, failures=1, opened=0, reason=reason)
    row = session.execute(
        statement.on_conflict_do_update(
            index_elements=["scope"], set_={"failures": col(BreakerRow.failures) + 1, "reason": reason}
        ).returning(col(BreakerRow.failures), col(BreakerRow.opened), col(BreakerRow.open_until))
    ).one()
    failures, opened = int(row[0]), int(row[1])
    if failures >= FAILURE_THRESHOLD and (probe or row[2] is None):
        pause = OPEN_INTERVALS[min(opened, len(OPEN_INTERVALS) - 1)]
        session.execute(
            update(BreakerRow)
            .where(col(BreakerRow.scope) == scope)
            .values(open_until=now + pause, opened=opened + 1)
            .execution_options(synchronize_session=False)
        )
    return failures


def record_success(session: Session, scope: str) -> bool:
    """A call was answered: the breaker is whole again. True if anything had been counted."""
    if session.execute(select(col(BreakerRow.failures)).where(col(BreakerRow.scope) == scope)).scalar() is None:
        return False
    ended = delete(BreakerRow).where(col(BreakerRow.scope) == scope)
    session.execute(ended.execution_options(synchronize_session=False))
    return True


def load_failing_scopes(session: Session) -> set[str]:
    """The scopes of which any failure has been counted."""
    return set(session.connection().execute(FAILING_SCOPES_QUERY).scalars().all())


def load_breakers(session: Session) -> list[BreakerRow]:
    """Every breaker that has counted a failure."""
    return list(session.execute(select(BreakerRow).order_by(col(BreakerRow.scope))).scalars())
