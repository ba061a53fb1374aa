"""Number the changes of a case, which contact records are told, and record who handled its ticket."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2016"
down_revision = "2015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `cases.revision` and `cases.handled_by`."""
    op.add_column("cases", sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("cases", sa.Column("handled_by", sa.String(length=200), nullable=True))
