"""A revision after the newest one, for the test of upgrades: add a column to contacts."""

import sqlalchemy as sa
from alembic import op

revision = "2002"
down_revision = "2001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `contacts.nickname`."""
    op.add_column("contacts", sa.Column("nickname", sa.String(length=40), nullable=True))
