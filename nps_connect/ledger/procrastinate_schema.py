"""The tables of procrastinate, in their own PostgreSQL schema, so that Alembic and ledger backups ignore them.

They hold nothing durable: when the installed version of procrastinate changes, they are dropped and created anew.
"""

from __future__ import annotations

from importlib.metadata import version

from sqlalchemy import Connection, text

PROCRASTINATE_SCHEMA = "nps_connect_procrastinate"


def install_schema(connection: Connection) -> bool:
    """Create the tables of the installed procrastinate; returns whether anything was changed. Idempotent.

    Args:
        connection: to PostgreSQL, in the transaction that upgrades the schema.
    """
    from procrastinate.schema import SchemaManager

    required_version = f"procrastinate {version('procrastinate')}"
    installed_version = connection.execute(
        text("SELECT obj_description(to_regnamespace(:name)::oid, 'pg_namespace')"), {"name": PROCRASTINATE_SCHEMA}
    ).scalar()
    if installed_version == required_version:
        return False
    search_path = connection.execute(text("SHOW search_path")).scalar_one()
    connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {PROCRASTINATE_SCHEMA} CASCADE")
    connection.exec_driver_sql(f"CREATE SCHEMA {PROCRASTINATE_SCHEMA}")
    connection.exec_driver_sql(f"COMMENT ON SCHEMA {PROCRASTINATE_SCHEMA} IS '{required_version}'")
    connection.execute(text("SELECT set_config('search_path', :path, true)"), {"path": PROCRASTINATE_SCHEMA})
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("the connection is closed")
    driver.execute(SchemaManager.get_schema())
    connection.execute(text("SELECT set_config('search_path', :path, true)"), {"path": search_path})
    return True
