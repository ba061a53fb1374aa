"""Add the users of the console, their sessions and one-time links, and failed sign-ins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from nps_connect.ledger.columns import BigId, UtcDateTime

revision = "2021"
down_revision = "2020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create `users`, `user_sessions`, `user_links` and `sign_in_limits`."""
    op.create_table(
        "users",
        sa.Column("id", BigId, nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("team", sa.String(length=40), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("locked_at", UtcDateTime(), nullable=True),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_sign_in_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("role IN ('team_viewer', 'viewer', 'case_worker', 'admin')", name=op.f("ck_users_role")),
        sa.CheckConstraint("(role = 'team_viewer') = (team IS NOT NULL)", name=op.f("ck_users_team")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("public_id", name=op.f("uq_users_public_id")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "user_sessions",
        sa.Column("id_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_sessions_user_id")),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_user_sessions")),
    )
    op.create_index("ix_user_sessions_user_id", "user_sessions", ["user_id"])
    op.create_index("ix_user_sessions_expires_at", "user_sessions", ["expires_at"])
    op.create_table(
        "user_links",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("purpose IN ('invitation', 'reset')", name=op.f("ck_user_links_purpose")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_links_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_user_links")),
    )
    op.create_index("ix_user_links_user_id", "user_links", ["user_id"])
    op.create_table(
        "sign_in_limits",
        sa.Column("scope_hash", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("window_ends_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("scope_hash", name=op.f("pk_sign_in_limits")),
    )
    op.create_index("ix_sign_in_limits_window_ends_at", "sign_in_limits", ["window_ends_at"])
