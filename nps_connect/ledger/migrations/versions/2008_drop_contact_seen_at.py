"""Drop when a contact was last seen, which nothing reads: an unchanged contact is not written any more."""

from __future__ import annotations

from alembic import op

revision = "2008"
down_revision = "2007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop `contacts.seen_at`."""
    op.drop_column("contacts", "seen_at")
