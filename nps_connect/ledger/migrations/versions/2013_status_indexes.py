"""Add the indexes from which the status is read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2013"
down_revision = "2012"
branch_labels = None
depends_on = None

STOPPED = sa.text("state IN ('held', 'dead')")
FAILED = sa.text("outcome <> 'succeeded'")


def upgrade() -> None:
    """Index held and dead deliveries by connection, and failed attempts."""
    columns = ["connection", "state", "hold_code"]
    op.create_index("ix_deliveries_stopped", "deliveries", columns, sqlite_where=STOPPED, postgresql_where=STOPPED)
    op.create_index("ix_attempts_failed", "attempts", ["id"], sqlite_where=FAILED, postgresql_where=FAILED)
