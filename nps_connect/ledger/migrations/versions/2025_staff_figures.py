"""Add whether figures about members of staff are shown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from nps_connect.ledger.columns import UtcDateTime

revision = "2025"
down_revision = "2024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create `staff_figures`."""
    op.create_table(
        "staff_figures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_figures")),
    )
