"""Add the search index and the themes of comments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from nps_connect.ledger.columns import BigId
from nps_connect.ledger.comment_search import create_comment_search

revision = "2023"
down_revision = "2022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create `comment_themes` and the search index, and fill the index with the comments that are there."""
    op.add_column("responses", sa.Column("classified_by", sa.String(length=40), nullable=True))
    for name, predicate in (
        ("ix_responses_unclassified", "comment IS NOT NULL AND classified_by IS NULL"),
        ("ix_responses_tagged", "tags IS NOT NULL"),
    ):
        where = sa.text(predicate)
        op.create_index(name, "responses", ["id"], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "comment_themes",
        sa.Column("response_id", BigId, nullable=False),
        sa.Column("theme", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_comment_themes_response_id")),
        sa.PrimaryKeyConstraint("response_id", "theme", name=op.f("pk_comment_themes")),
    )
    op.create_index("ix_comment_themes_theme", "comment_themes", ["theme", "response_id"])
    create_comment_search(op.get_bind())
