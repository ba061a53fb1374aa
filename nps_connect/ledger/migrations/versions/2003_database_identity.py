"""Add the identity of the database, and the causes and reasons that a restore needs."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "2003"
down_revision = "2001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create `database_identity` with its row; allow further causes of pauses and reasons of suppressions."""
    identity = op.create_table(
        "database_identity",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("database_id", sa.String(length=32), nullable=False),
        sa.Column("counter", sa.Integer(), nullable=False),
        sa.Column("newest_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("id = 1", name="single_row"),
    )
    op.bulk_insert(identity, [{"id": 1, "database_id": secrets.token_hex(16), "counter": 0}])
    _replace_check(
        "pauses", "cause", "cause IN ('operator', 'auth', 'not_allowed', 'plugin', 'restored', 'unknown_database')"
    )
    _replace_check("suppressions", "reason", "reason IN ('opted_out', 'bounced', 'erased', 'objected', 'unconfirmed')")


def _replace_check(table: str, name: str, condition: str) -> None:
    with op.batch_alter_table(table) as batch:
        batch.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
        batch.create_check_constraint(op.f(f"ck_{table}_{name}"), condition)
