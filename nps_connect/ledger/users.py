"""Users of the console, their sessions, one-time links, and failed sign-ins."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from nps_connect.ledger.columns import Base, BigId, UtcDateTime


class UserRow(Base, table=True):
    """A user of the console.

    Attributes:
        public_id: random; in addresses of pages and in the audit log.
        email: in lower case.
        role: of type `UserRole`.
        team: of a `team_viewer`, by its configured name.
        language: of the pages; None means that of the browser.
        password_hash: Argon2id in its own notation; None until the user chooses a password.
        locked_at: from then on the user cannot sign in.
        created_by: the actor who added the user.
        last_sign_in_at: with the password.
    """

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("public_id"),
        UniqueConstraint("email"),
        CheckConstraint("role IN ('team_viewer', 'viewer', 'case_worker', 'admin')", name="role"),
        CheckConstraint("(role = 'team_viewer') = (team IS NOT NULL)", name="team"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    public_id: str = Field(max_length=32)
    email: str = Field(max_length=254)
    name: str = Field(max_length=100)
    role: str = Field(max_length=20)
    team: str | None = Field(default=None, max_length=40)
    language: str | None = Field(default=None, max_length=35)
    password_hash: str | None = Field(default=None, max_length=200)
    locked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_by: str = Field(max_length=100)
    created_at: datetime = Field(sa_type=UtcDateTime)
    last_sign_in_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class UserSessionRow(Base, table=True):
    """A session of a user. It ends with the row: a new password, role or lock deletes the user's rows.

    Attributes:
        id_hash: SHA-256 of the random id in the cookie, in hexadecimal.
        expires_at: from then on it is refused, however active it is.
        last_seen_at: to five minutes; a session that nobody uses ends before `expires_at`.
    """

    __tablename__ = "user_sessions"
    __table_args__ = (Index("ix_user_sessions_user_id", "user_id"), Index("ix_user_sessions_expires_at", "expires_at"))

    id_hash: str = Field(primary_key=True, max_length=64)
    user_id: int = Field(foreign_key="users.id", sa_type=BigId)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    last_seen_at: datetime = Field(sa_type=UtcDateTime)


class UserLinkRow(Base, table=True):
    """A link by which a user chooses a password, once. Its row is deleted when it is used.

    Attributes:
        token_hash: SHA-256 of the random token in the link, in hexadecimal.
        purpose: `invitation` (of a new user) or `reset` (of a forgotten password).
    """

    __tablename__ = "user_links"
    __table_args__ = (
        CheckConstraint("purpose IN ('invitation', 'reset')", name="purpose"),
        Index("ix_user_links_user_id", "user_id"),
    )

    token_hash: str = Field(primary_key=True, max_length=64)
    user_id: int = Field(foreign_key="users.id", sa_type=BigId)
    purpose: str = Field(max_length=10)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)


class SignInLimitRow(Base, table=True):
    """Failed sign-ins, or requests for a new password, of one account or one network within a window of time.

    Attributes:
        scope_hash: keyed hash of what is limited and of the account or network: an address that somebody typed is not
            stored.
        window_ends_at: from then on the count starts again.
    """

    __tablename__ = "sign_in_limits"
    __table_args__ = (Index("ix_sign_in_limits_window_ends_at", "window_ends_at"),)

    scope_hash: str = Field(primary_key=True, max_length=64)
    failures: int = 0
    window_ends_at: datetime = Field(sa_type=UtcDateTime)
