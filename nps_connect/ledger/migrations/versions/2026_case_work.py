"""Let staff handle cases: owners, notes, calls, and cases without a ticket."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from nps_connect.ledger.columns import BigId, UtcDateTime

revision = "2026"
down_revision = "2025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns to `cases`, make its ticket optional, and create `case_entries`."""
    with op.batch_alter_table("cases") as batch:
        batch.alter_column("connection", existing_type=sa.String(length=40), nullable=True)
        batch.alter_column("ticket_id", existing_type=sa.String(length=300), nullable=True)
        batch.add_column(sa.Column("assigned_to", sa.String(length=320), nullable=True))
        batch.add_column(sa.Column("next_contact_at", UtcDateTime(), nullable=True))
        batch.add_column(sa.Column("remedies", sa.JSON(), nullable=True))
        batch.add_column(sa.Column("solved_by", sa.String(length=100), nullable=True))
        batch.add_column(sa.Column("escalated_at", UtcDateTime(), nullable=True))
    op.create_table(
        "case_entries",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("actor_kind", sa.String(length=10), nullable=False),
        sa.Column("actor_name", sa.String(length=100), nullable=False),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("call_outcome", sa.String(length=20), nullable=True),
        sa.Column("next_contact_at", UtcDateTime(), nullable=True),
        sa.Column("assigned_to", sa.String(length=320), nullable=True),
        sa.Column("remedies", sa.JSON(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('note', 'called', 'assigned', 'solved', 'reopened')", name=op.f("ck_case_entries_kind")
        ),
        sa.CheckConstraint(
            "call_outcome IN ('spoken', 'not_reached', 'call_again')", name=op.f("ck_case_entries_call_outcome")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_entries_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_entries")),
    )
    op.create_index("ix_case_entries_case_id", "case_entries", ["case_id"])
    op.create_index("ix_case_entries_at", "case_entries", ["at"])
