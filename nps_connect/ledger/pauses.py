"""Pauses of deliveries and intake, set by the operator or after a vendor's 401 or 403."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import CheckConstraint, delete, select
from sqlmodel import Field, Session, col

from nps_connect.ledger.columns import Base, UtcDateTime
from nps_connect.ledger.upserts import insert_for

MAIL_SCOPE = "mail"
"""The scope of all mail to customers."""

PauseCause = Literal["operator", "auth", "not_allowed", "plugin"]


class PauseRow(Base, table=True):
    """A paused scope: ``mail``, ``connection:<name>``, ``survey:<name>`` or ``queue:<connection>/<action>``.

    Attributes:
        cause: `operator`, `auth` (401), `not_allowed` (403), `plugin` (it hangs or violates its contract).
    """

    __tablename__ = "pauses"
    __table_args__ = (CheckConstraint("cause IN ('operator', 'auth', 'not_allowed', 'plugin')", name="cause"),)

    scope: str = Field(primary_key=True, max_length=140)
    cause: str = Field(max_length=20)
    reason: str
    since: datetime = Field(sa_type=UtcDateTime)


PAUSED_SCOPES_QUERY = select(col(PauseRow.scope))


def connection_scope(name: str) -> str:
    """Return the scope of everything on a connection."""
    return f"connection:{name}"


def survey_scope(name: str) -> str:
    """Return the scope of the mails of a survey."""
    return f"survey:{name}"


def queue_scope(connection: str, action: str) -> str:
    """Return the scope of one action on a connection."""
    return f"queue:{connection}/{action}"


def load_paused_scopes(session: Session) -> set[str]:
    """Load the paused scopes."""
    return set(session.connection().execute(PAUSED_SCOPES_QUERY).scalars().all())


def is_paused(session: Session, scope: str) -> bool:
    """Return whether a scope is paused; if so, a concurrent `resume` waits until this transaction ends."""
    query = select(col(PauseRow.scope)).where(col(PauseRow.scope) == scope).with_for_update(read=True)
    return session.execute(query).scalar() is not None


def load_pauses(session: Session) -> dict[str, PauseRow]:
    """Load the pauses by scope."""
    return {row.scope: row for row in session.execute(select(PauseRow)).scalars()}


def pause(session: Session, scope: str, *, cause: PauseCause, reason: str, now: datetime) -> bool:
    """Pause a scope; returns False if it was paused already (the first reason stays)."""
    statement = insert_for(session, PauseRow).values(scope=scope, cause=cause, reason=reason, since=now)
    return session.execute(statement.on_conflict_do_nothing().returning(col(PauseRow.scope))).scalar() is not None


def resume(session: Session, scope: str) -> bool:
    """Remove the pause of a scope; returns False if there was none."""
    deleted = session.execute(delete(PauseRow).where(col(PauseRow.scope) == scope).returning(col(PauseRow.scope)))
    return deleted.scalar() is not None
