"""Change, lock and remove users. Each change ends the user's sessions, and is recorded in the audit log."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.claims import advisory_lock
from nps_connect.ledger.users import UserRow
from nps_connect.records.users import UserRole
from nps_connect.services.users.one_time_links import delete_links
from nps_connect.services.users.sessions import end_sessions_of
from nps_connect.services.users.store import UserRefused, require_team


class LastAdmin(UserRefused):
    """Nobody could administrate the console any more."""

    def __init__(self) -> None:
        super().__init__("this is the last administrator: make somebody else an administrator first")


def find_user(session: Session, public_id: str, *, for_update: bool = False) -> UserRow | None:
    """Return a user by public id; None if there is none."""
    query = select(UserRow).where(col(UserRow.public_id) == public_id)
    row: UserRow | None = session.execute(query.with_for_update() if for_update else query).scalar()
    return row


def change_role(
    session: Session, user: UserRow, role: UserRole, team: str | None, *, actor: Actor, now: datetime
) -> None:
    """Give a user another role or team.

    Raises:
        UserRefused: the team is missing or superfluous, or this is the last administrator.
    """
    require_team(role, team)
    if (user.role, user.team) == (role, team):
        return
    if role != "admin":
        _require_other_admin(session, user)
    user.role, user.team = role, team
    session.add(user)
    end_sessions_of(session, user.id or 0)
    scope = f"{role} of team {team}" if team else role
    record_audit(session, actor, "users role", f"user:{user.public_id}, {scope}", now=now)


def lock_user(session: Session, user: UserRow, *, actor: Actor, now: datetime) -> None:
    """Let a user not sign in any more, until unlocked. Idempotent.

    Raises:
        LastAdmin: nobody could unlock the user.
    """
    if user.locked_at is not None:
        return
    _require_other_admin(session, user)
    user.locked_at = now
    session.add(user)
    end_sessions_of(session, user.id or 0)
    delete_links(session, user)
    record_audit(session, actor, "users lock", f"user:{user.public_id}", now=now)


def unlock_user(session: Session, user: UserRow, *, actor: Actor, now: datetime) -> None:
    """Let a user sign in again. Idempotent."""
    if user.locked_at is None:
        return
    user.locked_at = None
    session.add(user)
    record_audit(session, actor, "users unlock", f"user:{user.public_id}", now=now)


def reset_user(session: Session, user: UserRow, *, actor: Actor, now: datetime) -> None:
    """Make the password of a user void; a link to choose another one follows."""
    user.password_hash = None
    session.add(user)
    end_sessions_of(session, user.id or 0)
    delete_links(session, user)
    record_audit(session, actor, "users reset", f"user:{user.public_id}", now=now)


def remove_user(
    session: Session, user: UserRow, *, actor: Actor, now: datetime, allow_last_admin: bool = False
) -> None:
    """Delete a user with all sessions and links.

    Args:
        session: the transaction.
        user: who is deleted.
        actor: who deletes the user.
        now: the present moment.
        allow_last_admin: on the command line, which can add another one.

    Raises:
        LastAdmin: nobody could administrate the console any more.
    """
    if not allow_last_admin:
        _require_other_admin(session, user)
    end_sessions_of(session, user.id or 0)
    delete_links(session, user)
    session.delete(user)
    session.flush()
    record_audit(session, actor, "users remove", f"user:{user.public_id}", now=now)


def _require_other_admin(session: Session, user: UserRow) -> None:
    if user.role != "admin" or user.locked_at is not None:
        return
    advisory_lock(session, "users admins")  # so that two administrators cannot remove each other
    is_other = (col(UserRow.role) == "admin") & col(UserRow.locked_at).is_(None) & (col(UserRow.id) != user.id)
    if not session.execute(select(func.count()).where(is_other)).scalar():
        raise LastAdmin
