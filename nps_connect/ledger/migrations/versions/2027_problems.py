"""Add problems, with the evaluation of their fixes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from nps_connect.ledger.columns import BigId, UtcDateTime

revision = "2027"
down_revision = "2026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create `problems`."""
    op.create_table(
        "problems",
        sa.Column("id", BigId, nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("cause_kind", sa.String(length=10), nullable=False),
        sa.Column("cause", sa.JSON(), nullable=False),
        sa.Column("concerned", sa.JSON(), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("deadline", sa.Date(), nullable=False),
        sa.Column("evidence_first", sa.Date(), nullable=False),
        sa.Column("evidence_last", sa.Date(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("opened_by", sa.String(length=100), nullable=False),
        sa.Column("fixed_on", sa.Date(), nullable=True),
        sa.Column("fix_note", sa.String(), nullable=True),
        sa.Column("fix_entered_at", UtcDateTime(), nullable=True),
        sa.Column("fix_entered_by", sa.String(length=100), nullable=True),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after_first", sa.Date(), nullable=True),
        sa.Column("after_last", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("evaluated_at", UtcDateTime(), nullable=True),
        sa.Column("evaluation", sa.JSON(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_by", sa.String(length=100), nullable=True),
        sa.CheckConstraint("cause_kind IN ('group', 'theme', 'choice')", name=op.f("ck_problems_cause_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_problems")),
    )
    op.create_index("ix_problems_due_on", "problems", ["due_on"])
