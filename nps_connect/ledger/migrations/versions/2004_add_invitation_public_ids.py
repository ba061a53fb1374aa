"""Add `survey_invitations.public_id`, the random id of survey links.

Earlier links contain row numbers and are not valid any more. The column stays nullable because SQLite cannot add one
that is not.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "2004"
down_revision = "2003"
branch_labels = None
depends_on = None

ROWS_PER_STEP = 1000


def upgrade() -> None:
    """Add the column with its unique index, and give each invitation an id."""
    op.add_column("survey_invitations", sa.Column("public_id", sa.String(32), nullable=True))
    _fill_public_ids()
    op.create_index("ix_survey_invitations_public_id", "survey_invitations", ["public_id"], unique=True)


def _fill_public_ids() -> None:
    connection = op.get_bind()
    invitations = sa.table("survey_invitations", sa.column("id"), sa.column("public_id"))
    statement = (
        sa.update(invitations).where(invitations.c.id == sa.bindparam("of_id")).values(public_id=sa.bindparam("new_id"))
    )
    last_id = 0
    while True:
        query = sa.select(invitations.c.id).where(invitations.c.id > last_id).order_by(invitations.c.id)
        ids = connection.execute(query.limit(ROWS_PER_STEP)).scalars().all()
        if not ids:
            return
        connection.execute(statement, [{"of_id": row_id, "new_id": secrets.token_hex(16)} for row_id in ids])
        last_id = ids[-1]
