"""Mark soft bounces about the mailbox, and index the receipts that are Message-IDs, which reports name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2005"
down_revision = "2004"
branch_labels = None
depends_on = None

IS_MESSAGE_ID = "substr(receipt_id, 1, 1) = '<'"


def upgrade() -> None:
    """Add `bounces.concerns_mailbox` and the partial index."""
    op.add_column("bounces", sa.Column("concerns_mailbox", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_deliveries_message_id",
        "deliveries",
        ["receipt_id"],
        sqlite_where=sa.text(IS_MESSAGE_ID),
        postgresql_where=sa.text(IS_MESSAGE_ID),
    )
