"""Add, find, list and change users of the console. Each change of another user is recorded in the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import Session, col

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.users import UserRow
from nps_connect.records.base import is_mail_address
from nps_connect.records.users import UserRole
from nps_connect.services.users.sign_in import normalize_email
from nps_connect.settings.key_paths import nearest
from nps_connect.settings.model import Settings

MAX_EMAIL_LENGTH = 254


class UserRefused(NpsConnectError):
    """A user who cannot be added or changed as asked."""


def add_user(
    session: Session,
    *,
    public_id: str,
    email: str,
    name: str,
    role: UserRole,
    team: str | None,
    actor: Actor,
    now: datetime,
) -> UserRow:
    """Store a new user, who has no password yet.

    Args:
        session: the transaction.
        public_id: random.
        email: by which the user signs in.
        name: as colleagues know the user.
        role: what the user may do.
        team: of a `team_viewer`; None for every other role.
        actor: who adds the user.
        now: the present moment.

    Raises:
        UserRefused: there is a user with this address, or the team is missing or superfluous.
    """
    require_team(role, team)
    if not name.strip():
        raise UserRefused("the user needs a name")
    if not is_email(email):
        raise UserRefused(f"{email.strip()!r} is not an e-mail address such as claire@example.com")
    if find_by_email(session, email) is not None:
        raise UserRefused(f"there is a user {normalize_email(email)} already; see: nps-connect users list")
    row = UserRow(
        public_id=public_id,
        email=normalize_email(email),
        name=" ".join(name.split())[:100],
        role=role,
        team=team,
        created_by=f"{actor.kind}:{actor.name}"[:100],
        created_at=now,
    )
    session.add(row)
    session.flush()
    record_audit(session, actor, "users add", f"user:{public_id}, {role}", now=now)
    return row


def list_users(session: Session) -> Sequence[UserRow]:
    """Return all users by name."""
    return session.execute(select(UserRow).order_by(col(UserRow.name), col(UserRow.email))).scalars().all()


def find_by_email(session: Session, email: str) -> UserRow | None:
    """Return the user with this address; None if there is none."""
    row: UserRow | None = session.execute(select(UserRow).where(col(UserRow.email) == normalize_email(email))).scalar()
    return row


def require_user(session: Session, email: str) -> UserRow:
    """Return the user with this address.

    Raises:
        UserRefused: there is none; names the nearest one.
    """
    row = find_by_email(session, email)
    if row is None:
        near = nearest(normalize_email(email), [user.email for user in list_users(session)])
        hint = f" Did you mean {near!r}?" if near else ""
        raise UserRefused(f"there is no user {normalize_email(email)!r}; see: nps-connect users list.{hint}")
    return row


def set_language(session: Session, public_id: str, language: str) -> None:
    """Store the language of a user's pages."""
    statement = update(UserRow).where(col(UserRow.public_id) == public_id).values(language=language)
    session.execute(statement, execution_options={"synchronize_session": False})


def require_team(role: UserRole, team: str | None) -> None:
    """Refuse a team viewer without a team, and a team for every other role.

    Raises:
        UserRefused: says which.
    """
    if role == "team_viewer" and not team:
        raise UserRefused("a team_viewer needs a team: name it with --team")
    if role != "team_viewer" and team:
        raise UserRefused(f"only a team_viewer has a team, and the role is {role}")


def is_email(text: str) -> bool:
    """Return whether a text can be an address."""
    return len(text.strip()) <= MAX_EMAIL_LENGTH and is_mail_address(text.strip())


def team_names(settings: Settings) -> tuple[str, ...]:
    """Return the configured teams, to one of which a `team_viewer` is bound."""
    return tuple(settings.teams)


def require_known_team(settings: Settings, team: str | None) -> None:
    """Refuse a team that is not configured.

    Raises:
        UserRefused: names the nearest one.
    """
    names = team_names(settings)
    if team is not None and team not in names:
        near = nearest(team, names)
        hint = f" Did you mean {near!r}?" if near else ""
        raise UserRefused(f"there is no team {team!r} in the configuration: add [teams.{team}].{hint}")
