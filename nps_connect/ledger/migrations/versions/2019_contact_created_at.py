"""Add when a contact was stored first, from which a recurring survey counts its first delay."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from nps_connect.ledger.columns import UtcDateTime

revision = "2019"
down_revision = "2018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `contacts.created_at`; of older contacts it stays unknown."""
    op.add_column("contacts", sa.Column("created_at", UtcDateTime(), nullable=True))
