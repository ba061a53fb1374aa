"""Keep tags and notes with a response; let a review request exist without a response, as another tool leaves it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2018"
down_revision = "2017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add `responses.tags` and `responses.notes`; make `review_requests.response_id` optional."""
    op.add_column("responses", sa.Column("tags", sa.JSON(), nullable=True))
    op.add_column("responses", sa.Column("notes", sa.JSON(), nullable=True))
    with op.batch_alter_table("review_requests") as batch:
        batch.alter_column("response_id", existing_type=sa.BigInteger(), nullable=True)
