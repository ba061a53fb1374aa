"""Alembic's entry point: runs the migrations on the connection of `nps_connect.ledger.schema`."""

from alembic import context

from nps_connect.ledger import all_tables  # noqa: F401  # completes the metadata
from nps_connect.ledger.columns import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
