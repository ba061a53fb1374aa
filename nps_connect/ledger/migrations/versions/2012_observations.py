"""Add the newest observations: backups, foreign requests, announced ends."""

import sqlalchemy as sa
from alembic import op

revision = "2012"
down_revision = "2011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create `observations`."""
    op.create_table(
        "observations",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_observations")),
    )
