"""Add the SQL views; `nps_connect.ledger.schema` makes them after the last migration, so that they fit the newest tables."""

from __future__ import annotations

revision = "2022"
down_revision = "2021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing besides the new version, without which a process would accept a database without views."""
