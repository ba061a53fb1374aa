"""Sessions of the console's users. The cookie holds a random id; the database holds only its hash."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple, cast

from sqlalchemy import delete, select, update
from sqlmodel import Session, col

from nps_connect.ledger.upserts import insert_many
from nps_connect.ledger.users import UserRow, UserSessionRow
from nps_connect.records.users import UserRole, Viewer
from nps_connect.services.users.passwords import hash_token

SESSION_LIFETIME = timedelta(days=7)
"""After that the password is asked for, however active the user is."""

IDLE_LIFETIME = timedelta(hours=12)
"""After that without a page the password is asked for."""

SEEN_INTERVAL = timedelta(minutes=5)
"""How often the last use of a session is written."""


class OpenSession(NamedTuple):
    """A session that was found by its id.

    Attributes:
        viewer: the user.
        has_unrecorded_use: `record_session_use` is to be called.
    """

    viewer: Viewer
    has_unrecorded_use: bool


def create_session(session: Session, user_row_id: int, now: datetime) -> str:
    """Store a new session and return its random id for the cookie; it cannot be read again."""
    session_id = secrets.token_urlsafe(32)
    row = {
        "id_hash": hash_token(session_id),
        "user_id": user_row_id,
        "created_at": now,
        "expires_at": now + SESSION_LIFETIME,
        "last_seen_at": now,
    }
    insert_many(session, UserSessionRow, [row])
    return session_id


def load_session(session: Session, session_id: str, now: datetime) -> OpenSession | None:
    """Return the session of this id; None if it has ended, or the user is locked."""
    query = (
        select(UserRow, col(UserSessionRow.last_seen_at))
        .join(UserSessionRow, col(UserSessionRow.user_id) == col(UserRow.id))
        .where(
            col(UserSessionRow.id_hash) == hash_token(session_id),
            col(UserSessionRow.expires_at) > now,
            col(UserSessionRow.last_seen_at) > now - IDLE_LIFETIME,
            col(UserRow.locked_at).is_(None),
        )
    )
    row = session.execute(query).first()
    if row is None:
        return None
    return OpenSession(build_viewer(row[0]), has_unrecorded_use=now - row[1] >= SEEN_INTERVAL)


def record_session_use(session: Session, session_id: str, now: datetime) -> None:
    """Record that a session is used, which extends it up to its lifetime."""
    statement = (
        update(UserSessionRow).where(col(UserSessionRow.id_hash) == hash_token(session_id)).values(last_seen_at=now)
    )
    session.execute(statement, execution_options={"synchronize_session": False})


def end_session(session: Session, session_id: str) -> None:
    """Delete a session. Idempotent."""
    statement = delete(UserSessionRow).where(col(UserSessionRow.id_hash) == hash_token(session_id))
    session.execute(statement, execution_options={"synchronize_session": False})


def end_sessions_of(session: Session, user_row_id: int) -> None:
    """Delete all sessions of a user."""
    statement = delete(UserSessionRow).where(col(UserSessionRow.user_id) == user_row_id)
    session.execute(statement, execution_options={"synchronize_session": False})


def build_viewer(row: UserRow) -> Viewer:
    """Return the user of a row."""
    return Viewer(row.public_id, row.name, row.email, cast("UserRole", row.role), row.team, row.language)
