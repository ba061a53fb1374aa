"""Add digests, who has left them, and alarms about scores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from nps_connect.ledger.columns import BigId, UtcDateTime

revision = "2029"
down_revision = "2028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create `digests`, `digest_opt_outs` and `score_alarms`."""
    op.create_table(
        "digests",
        sa.Column("id", BigId, nullable=False),
        sa.Column("period", sa.String(length=30), nullable=False),
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=30), nullable=True),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("state IN ('enqueued', 'skipped')", name=op.f("ck_digests_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digests")),
        sa.UniqueConstraint("period", "scope", name=op.f("uq_digests_period_scope")),
    )
    op.create_index("ix_digests_created_at", "digests", ["created_at"])
    op.create_table(
        "digest_opt_outs",
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("mailbox", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "mailbox", name=op.f("pk_digest_opt_outs")),
    )
    op.create_table(
        "score_alarms",
        sa.Column("id", BigId, nullable=False),
        sa.Column("series", sa.String(length=60), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("points", sa.Float(), nullable=False),
        sa.Column("recent_score", sa.Float(), nullable=False),
        sa.Column("earlier_score", sa.Float(), nullable=False),
        sa.Column("recent_responses", sa.Integer(), nullable=False),
        sa.Column("earlier_responses", sa.Integer(), nullable=False),
        sa.Column("raised_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_alarms")),
        sa.UniqueConstraint("series", "week", name=op.f("uq_score_alarms_series_week")),
    )
    op.create_index("ix_score_alarms_ended_at", "score_alarms", ["ended_at"])
