"""Index the deliveries in doubt: few of many, and a bounce report may name one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2007"
down_revision = "2006"
branch_labels = None
depends_on = None

IN_DOUBT = "in_doubt"


def upgrade() -> None:
    """Add the partial index."""
    op.create_index(
        "ix_deliveries_in_doubt",
        "deliveries",
        ["id"],
        sqlite_where=sa.text(IN_DOUBT),
        postgresql_where=sa.text(IN_DOUBT),
    )
