"""Pauses: what is stopped, by the operator or by a vendor's 401 or 403."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import delete, select
from sqlmodel import Session, col

from nps_connect.ledger.operational_tables import PauseRow
from nps_connect.ledger.upserts import insert_for

MAIL_SCOPE = "mail"
"""The scope of all mail to customers."""

PauseCause = Literal["operator", "auth", "not_allowed", "plugin"]


def connection_scope(name: str) -> str:
    """The scope of everything on a connection."""
    return f"connection:{name}"


def survey_scope(name: str) -> str:
    """The scope of the mail of a survey; also the `hold` of its deliveries."""
    return f"survey:{name}"


def queue_scope(connection: str, action: str) -> str:
    """The scope of one action on a connection."""
    return f"queue:{connection}/{action}"


PAUSED_SCOPES_QUERY = select(col(PauseRow.scope))


def load_paused_scopes(session: Session) -> set[str]:
    """The scopes that are stopped now."""
    return set(session.connection().execute(PAUSED_SCOPES_QUERY).scalars().all())


def is_paused(session: Session, scope: str) -> bool:
    """Whether a scope is stopped; if so, nobody resumes it before this transaction ends, and misses what it holds."""
    query = select(col(PauseRow.scope)).where(col(PauseRow.scope) == scope).with_for_update(read=True)
    return session.execute(query).scalar() is not None


def load_pauses(session: Session) -> dict[str, PauseRow]:
    """What is stopped now, by scope."""
    return {row.scope: row for row in session.execute(select(PauseRow)).scalars()}


def pause(session: Session, scope: str, *, cause: PauseCause, reason: str, now: datetime) -> bool:
    """Stop a scope; false if it was stopped already (its first reason stays)."""
    statement = insert_for(session, PauseRow).values(scope=scope, cause=cause, reason=reason, since=now)
    return session.execute(statement.on_conflict_do_nothing().returning(col(PauseRow.scope))).scalar() is not None


def resume(session: Session, scope: str) -> bool:
    """Let a scope go on; false if it was not stopped."""
    ended = session.execute(delete(PauseRow).where(col(PauseRow.scope) == scope).returning(col(PauseRow.scope)))
    return ended.scalar() is not None
