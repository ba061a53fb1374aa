"""Add the audit log, and what the brake on customer mail after many bounces needs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2006"
down_revision = "2005"
branch_labels = None
depends_on = None

PAUSE_CAUSES = "cause IN ('operator', 'auth', 'not_allowed', 'plugin', 'bounces', 'restored', 'unknown_database')"


def upgrade() -> None:
    """Create `audit_log` and `bounce_brakes`; add provisional suppressions, the cause of pauses and two indexes."""
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(length=10), nullable=False),
        sa.Column("actor_name", sa.String(length=100), nullable=False),
        sa.Column("command", sa.String(length=60), nullable=False),
        sa.Column("object", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
        sa.CheckConstraint("actor_kind IN ('cli', 'console', 'api')", name=op.f("ck_audit_log_actor_kind")),
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    op.create_table(
        "bounce_brakes",
        sa.Column("connection", sa.String(length=40), nullable=False),
        sa.Column("tripped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("mails", sa.Integer(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_confirmed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_bounce_brakes")),
    )
    with op.batch_alter_table("pauses") as batch:
        batch.drop_constraint(op.f("ck_pauses_cause"), type_="check")
        batch.create_check_constraint(op.f("ck_pauses_cause"), PAUSE_CAUSES)
    op.add_column("suppressions", sa.Column("provisional_for", sa.String(length=40), nullable=True))
    _create_partial_index("ix_bounces_hard", "bounces", ["at"], "kind = 'hard'")
    _create_partial_index("ix_deliveries_succeeded", "deliveries", ["queue_name", "finished_at"], "state = 'succeeded'")


def _create_partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
