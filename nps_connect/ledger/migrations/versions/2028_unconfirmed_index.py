"""Let provisional responses be counted from their index alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2028"
down_revision = "2027"
branch_labels = None
depends_on = None

UNCONFIRMED = sa.text("revision = 0 OR conflicting_at IS NOT NULL")
COLUMNS = [
    *("survey", "touchpoint", "language", "collected_by"),
    *("scale", "revision", "conflicting_at", "provisional_at", "answered_at"),
]


def upgrade() -> None:
    """Add to `ix_responses_unconfirmed` what responses are counted by."""
    op.drop_index("ix_responses_unconfirmed", "responses")
    op.create_index(
        "ix_responses_unconfirmed", "responses", COLUMNS, sqlite_where=UNCONFIRMED, postgresql_where=UNCONFIRMED
    )
