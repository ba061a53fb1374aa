"""Add the figures per day, and move the counts of deleted decisions to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2010"
down_revision = "2009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create `daily_figures`. The counts of decisions know no survey and have days in UTC."""
    op.create_table(
        "daily_figures",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("survey", sa.String(length=40), nullable=False),
        sa.Column("dimensions", sa.String(), nullable=False),
        sa.Column("scale", sa.String(length=20), nullable=False),
        sa.Column("value", sa.String(length=60), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "survey", "dimensions", "scale", "value", name=op.f("pk_daily_figures")),
    )
    counters, connection = sa.table("counters", *map(sa.column, ("day", "name", "connection", "count"))), op.get_bind()
    is_decision = counters.c.name.startswith("decision_")
    figures = sa.table("daily_figures", *map(sa.column, ("day", "survey", "dimensions", "scale", "value", "count")))
    for day, name, of_connection, count in connection.execute(sa.select(counters).where(is_decision)).all():
        _, verdict, reason = name.split("_", 2)
        dimensions = f'{{"connection":"{of_connection}"}}'
        values = (day, "", dimensions, "verdicts", f"{verdict} {reason}", count)
        connection.execute(figures.insert().values(values))
    connection.execute(counters.delete().where(is_decision))
