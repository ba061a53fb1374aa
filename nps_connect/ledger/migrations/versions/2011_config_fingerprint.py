"""Record which configuration a process runs."""

import sqlalchemy as sa
from alembic import op

revision = "2011"
down_revision = "2010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `workers.config_fingerprint`; processes of an older version leave it empty."""
    op.add_column("workers", sa.Column("config_fingerprint", sa.String(length=12), nullable=True))
