"""Mark invitations whose response a restore may have lost; drop a column of cooldowns that nothing reads."""

import sqlalchemy as sa
from alembic import op

from nps_connect.ledger.columns import UtcDateTime

revision = "2009"
down_revision = "2008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `survey_invitations.restored_at`; drop `cooldowns.confirmed`."""
    op.add_column("survey_invitations", sa.Column("restored_at", UtcDateTime(), nullable=True))
    op.drop_column("cooldowns", "confirmed")
