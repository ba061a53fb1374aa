"""Add the dimensions of responses, and count daily figures per dimension."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from nps_connect.ledger.columns import BigId

revision = "2024"
down_revision = "2023"
branch_labels = None
depends_on = None

UNCONFIRMED = sa.text("revision = 0 OR conflicting_at IS NOT NULL")


def upgrade() -> None:
    """Create `response_dimensions`; give `daily_figures` the column `dimension`, first in its primary key."""
    op.create_table(
        "response_dimensions",
        sa.Column("response_id", BigId, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("response_id", "name", "value", name=op.f("pk_response_dimensions")),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_response_dimensions_response_id")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_response_dimensions_group", "response_dimensions", ["name", "value", "response_id"])
    op.create_index(
        "ix_responses_unconfirmed", "responses", ["id"], sqlite_where=UNCONFIRMED, postgresql_where=UNCONFIRMED
    )
    if op.get_bind().dialect.name != "sqlite":  # where views are dropped before every migration
        op.execute("DROP VIEW IF EXISTS v_nps_daily")
    op.rename_table("daily_figures", "former_daily_figures")
    if op.get_bind().dialect.name != "sqlite":  # where the constraint keeps its name, and names of indexes are unique
        op.execute("ALTER TABLE former_daily_figures RENAME CONSTRAINT pk_daily_figures TO pk_former_daily_figures")
    columns = ["day", "survey", "dimensions", "scale", "value"]
    op.create_table(
        "daily_figures",
        sa.Column("dimension", sa.String(length=40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("survey", sa.String(length=40), nullable=False),
        sa.Column("dimensions", sa.String(), nullable=False),
        sa.Column("scale", sa.String(length=20), nullable=False),
        sa.Column("value", sa.String(length=60), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("dimension", *columns, name=op.f("pk_daily_figures")),
        sqlite_with_rowid=False,
    )
    names = ", ".join((*columns, "count"))
    op.execute(
        f"INSERT INTO daily_figures (dimension, {names}) "  # noqa: S608  # our own names
        f"SELECT CASE scale WHEN 'verdicts' THEN 'connection' ELSE 'touchpoint' END, {names} FROM former_daily_figures"
    )
    op.drop_table("former_daily_figures")
    op.create_table(
        "figure_settings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("zone", sa.String(length=60), nullable=False),
        sa.Column("dimensions", sa.JSON(), nullable=False),
        sa.Column("teams", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure_settings")),
    )
