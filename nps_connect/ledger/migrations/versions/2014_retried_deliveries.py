"""Add the index from which the status counts deliveries that are tried again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2014"
down_revision = "2013"
branch_labels = None
depends_on = None

RETRIED = sa.text("state = 'pending' AND attempts > 0")


def upgrade() -> None:
    """Index the pending deliveries that have been attempted."""
    columns = ["queue_name", "due_at"]
    op.create_index("ix_deliveries_retried", "deliveries", columns, sqlite_where=RETRIED, postgresql_where=RETRIED)
