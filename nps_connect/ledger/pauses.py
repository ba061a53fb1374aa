"""Pauses, which an operator or a vendor's 401 or 403 sets, and circuit breakers, which failed calls open.

All workers share them. A pause lasts until it is resumed; an open breaker lets one probe at a time through.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import CheckConstraint, bindparam, delete, select, union_all, update
from sqlmodel import Field, Session, col

from nps_connect.ledger.columns import Base, UtcDateTime, insert_for
from nps_connect.ledger.quotas import QuotaRow
from nps_connect.ledger.state_dir import StateDir
from nps_connect.ledger.upserts import insert_many

MAIL_SCOPE = "mail"
"""The scope of all mail to customers."""

DATABASE_SCOPE = "database"
"""The scope of everything that is sent, while it is unknown whether the database is the newest."""

RESTORED_SCOPE = "restored"
"""The scope of customer mail that may have been sent before the restore, whose moment is `since`."""

RESTORE_SCOPES = (DATABASE_SCOPE, RESTORED_SCOPE)

PauseCause = Literal["operator", "auth", "not_allowed", "setup", "plugin", "bounces", "restored", "unknown_database"]

CREDENTIAL_CAUSES = frozenset({"auth", "not_allowed", "setup"})
"""Causes that a vendor's refusal has, and that end when the connection's check passes."""

FAILURE_THRESHOLD = 5
"""Consecutive failed calls that open a breaker."""

OPEN_INTERVALS = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 30, 60, 120))
"""How long a breaker stays open: the first time, the second time in a row, and so on."""

PROBE_TIMEOUT = timedelta(minutes=2)
"""How long a probe may take before another one is allowed."""


class PauseRow(Base, table=True):
    """A paused scope: ``mail``, ``connection:<name>``, ``survey:<name>``, ``queue:<connection>/<action>`` and others.

    Attributes:
        cause: `operator`, `auth` (401), `not_allowed` (403), `setup` (a field is missing at the vendor), `plugin` (it
            hangs or violates its contract), `bounces` (so many that a mistake is likely), `restored` (the database is
            a backup), `unknown_database` (this host has not seen it before).
    """

    __tablename__ = "pauses"
    __table_args__ = (
        CheckConstraint(
            "cause IN ('operator', 'auth', 'not_allowed', 'setup', 'plugin', 'bounces', 'restored', "
            "'unknown_database')",
            name="cause",
        ),
    )

    scope: str = Field(primary_key=True, max_length=140)
    cause: str = Field(max_length=20)
    reason: str
    since: datetime = Field(sa_type=UtcDateTime)


class BreakerRow(Base, table=True):
    """The circuit breaker of a connection (``connection:<name>``) or of a queue's plugin (``queue:<name>/<action>``).

    Attributes:
        failures: consecutive calls that failed because the vendor seems down or the plugin violated its contract.
        opened: how often in a row the breaker opened; selects the entry of `OPEN_INTERVALS`.
        open_until: no call before then; after it, one probe.
        reason: the newest failure, one sentence.
    """

    __tablename__ = "breakers"

    scope: str = Field(primary_key=True, max_length=140)
    failures: int = 0
    opened: int = 0
    open_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: str | None = None


_PAUSES_QUERY = select(PauseRow.__table__)
PAUSED_SCOPES_QUERY = select(col(PauseRow.scope))
FAILING_SCOPES_QUERY = select(col(BreakerRow.scope))
OPEN_UNTIL_QUERY = select(col(BreakerRow.open_until)).where(col(BreakerRow.scope) == bindparam("scope"))
NO_CALL_BEFORE_QUERY = union_all(
    OPEN_UNTIL_QUERY,
    select(col(QuotaRow.paused_until)).where(
        col(QuotaRow.connection) == bindparam("connection"), col(QuotaRow.name) == "general"
    ),
)


def connection_scope(name: str) -> str:
    """Return the scope of everything on a connection."""
    return f"connection:{name}"


def survey_scope(name: str) -> str:
    """Return the scope of the mails of a survey."""
    return f"survey:{name}"


def queue_scope(connection: str, action: str) -> str:
    """Return the scope of one action on a connection."""
    return f"queue:{connection}/{action}"


def load_paused_scopes(session: Session, state_dir: StateDir | None = None) -> set[str]:
    """Load the paused scopes, with customer mail if the pause marker of a state directory says so."""
    scopes = set(session.connection().execute(PAUSED_SCOPES_QUERY).scalars().all())
    if state_dir is not None and state_dir.pause_marker_file.exists():
        scopes.add(MAIL_SCOPE)
    return scopes


def is_paused(session: Session, scope: str) -> bool:
    """Return whether a scope is paused; if so, a concurrent `resume` waits until this transaction ends."""
    query = select(col(PauseRow.scope)).where(col(PauseRow.scope) == scope).with_for_update(read=True)
    return session.execute(query).scalar() is not None


def load_pauses(session: Session) -> dict[str, PauseRow]:
    """Load the pauses by scope, with read-only columns."""
    return {row.scope: row for row in session.connection().execute(_PAUSES_QUERY)}  # type: ignore[misc]


def pause(session: Session, scope: str, *, cause: PauseCause, reason: str, now: datetime) -> bool:
    """Pause a scope; returns False if it was paused already (the first reason stays)."""
    row = {"scope": scope, "cause": cause, "reason": reason, "since": now}
    return bool(insert_many(session, PauseRow, [row], skip_existing=("scope",), returning=("scope",)))


def resume(session: Session, scope: str) -> bool:
    """Remove the pause of a scope; returns False if there was none."""
    deleted = session.execute(delete(PauseRow).where(col(PauseRow.scope) == scope).returning(col(PauseRow.scope)))
    return deleted.scalar() is not None


def no_call_before(session: Session, connection: str) -> list[datetime]:
    """Return the moments before which a connection is not called: of its open breaker and of its paused quota."""
    parameters = {"scope": connection_scope(connection), "connection": connection}
    return [*filter(None, session.connection().execute(NO_CALL_BEFORE_QUERY, parameters).scalars())]


def acquire_call(session: Session, scope: str, *, now: datetime) -> Literal["closed", "open", "probe"]:
    """Ask for permission to call: ``closed`` (allowed), ``open`` (not now), ``probe`` (one call with one delivery)."""
    if session.connection().execute(OPEN_UNTIL_QUERY, {"scope": scope}).scalar() is None:
        return "closed"
    acquired_scope = session.execute(
        update(BreakerRow)
        .where(col(BreakerRow.scope) == scope, col(BreakerRow.open_until) <= now)
        .values(open_until=now + PROBE_TIMEOUT)
        .returning(col(BreakerRow.scope))
        .execution_options(synchronize_session=False)
    ).scalar()
    return "open" if acquired_scope is None else "probe"


def release_probe(session: Session, scope: str, *, now: datetime) -> None:
    """Return a probe that found nothing to do, so that the next one is allowed immediately."""
    session.execute(
        update(BreakerRow)
        .where(col(BreakerRow.scope) == scope, col(BreakerRow.open_until).is_not(None))
        .values(open_until=now)
        .execution_options(synchronize_session=False)
    )


def record_failure(session: Session, scope: str, *, reason: str, now: datetime, probe: bool = False) -> int:
    """Count a failed call; returns the number of consecutive failures.

    `FAILURE_THRESHOLD` failures open the breaker; a failed probe opens it for the next longer interval.
    """
    statement = insert_for(session, BreakerRow).values(scope=scope, failures=1, opened=0, reason=reason)
    row = session.execute(
        statement.on_conflict_do_update(
            index_elements=["scope"], set_={"failures": col(BreakerRow.failures) + 1, "reason": reason}
        ).returning(col(BreakerRow.failures), col(BreakerRow.opened), col(BreakerRow.open_until))
    ).one()
    failures, opened = int(row[0]), int(row[1])
    if failures >= FAILURE_THRESHOLD and (probe or row[2] is None):
        interval = OPEN_INTERVALS[min(opened, len(OPEN_INTERVALS) - 1)]
        session.execute(
            update(BreakerRow)
            .where(col(BreakerRow.scope) == scope)
            .values(open_until=now + interval, opened=opened + 1)
            .execution_options(synchronize_session=False)
        )
    return failures


def record_success(session: Session, scope: str) -> bool:
    """Close the breaker after a successful call; returns True if failures had been counted."""
    if session.execute(select(col(BreakerRow.failures)).where(col(BreakerRow.scope) == scope)).scalar() is None:
        return False
    statement = delete(BreakerRow).where(col(BreakerRow.scope) == scope)
    session.execute(statement.execution_options(synchronize_session=False))
    return True


def load_failing_scopes(session: Session) -> set[str]:
    """Load the scopes with at least one counted failure."""
    return set(session.connection().execute(FAILING_SCOPES_QUERY).scalars().all())
