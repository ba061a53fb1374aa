"""Alembic's entry: the connection is handed over by `nps_connect.ledger.schema`."""

from alembic import context

from nps_connect.ledger import bounces, cases, operational_tables, tables
from nps_connect.ledger.columns import Base

TABLES = (tables, operational_tables, bounces, cases)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
