"""Allow pauses because a field of the set-up is missing at the vendor."""

from __future__ import annotations

from alembic import op

revision = "2017"
down_revision = "2016"
branch_labels = None
depends_on = None

PAUSE_CAUSES = (
    "cause IN ('operator', 'auth', 'not_allowed', 'setup', 'plugin', 'bounces', 'restored', 'unknown_database')"
)


def upgrade() -> None:
    """Add the cause to the check constraint."""
    with op.batch_alter_table("pauses") as batch:
        batch.drop_constraint(op.f("ck_pauses_cause"), type_="check")
        batch.create_check_constraint(op.f("ck_pauses_cause"), PAUSE_CAUSES)
