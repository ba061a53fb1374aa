"""A revision after the newest one, for the test of upgrades: add a column to contacts."""

import sqlalchemy as sa
from alembic import op

from nps_connect.ledger.schema import MIGRATIONS_DIR

revision = "2999"
down_revision = max(path.name.partition("_")[0] for path in (MIGRATIONS_DIR / "versions").glob("[0-9]*.py"))
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `contacts.nickname`."""
    op.add_column("contacts", sa.Column("nickname", sa.String(length=40), nullable=True))
