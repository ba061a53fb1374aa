"""Add plans of assistants, which a person approves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from nps_connect.ledger.columns import BigId, UtcDateTime

revision = "2020"
down_revision = "2019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create `approvals`."""
    op.create_table(
        "approvals",
        sa.Column("id", BigId, nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("plan_hash", sa.String(length=64), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("planned_by", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=100), nullable=True),
        sa.CheckConstraint("state IN ('open', 'approved', 'rejected')", name=op.f("ck_approvals_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sa.UniqueConstraint("public_id", name=op.f("uq_approvals_public_id")),
    )
    op.create_index("ix_approvals_created_at", "approvals", ["created_at"])
    op.create_index("ix_approvals_state_decided_at", "approvals", ["state", "decided_at"])
