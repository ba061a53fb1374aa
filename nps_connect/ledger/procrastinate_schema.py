"""The carrier's own tables: in a schema of their own, where neither Alembic nor a backup of the ledger needs to look.

Nothing durable lives in them, so another version of the engine simply gets new ones.
"""

from __future__ import annotations

from importlib.metadata import version

from sqlalchemy import Connection, text

PROCRASTINATE_SCHEMA = "nps_connect_procrastinate"


def install_schema(connection: Connection) -> bool:
    """Create the tables of the installed procrastinate, if they are not there; true if anything was changed.

    Args:
        connection: to PostgreSQL, in the transaction that upgrades the schema.
    """
    from procrastinate.schema import SchemaManager

    wanted = f"procrastinate {version('procrastinate')}"
    found = connection.execute(
        text("SELECT obj_description(to_regnamespace(:name)::oid, 'pg_namespace')"), {"name": PROCRASTINATE_SCHEMA}
    ).scalar()
    if found == wanted:
        return False
    before = connection.execute(text("SHOW search_path")).scalar_one()
    connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {PROCRASTINATE_SCHEMA} CASCADE")
    connection.exec_driver_sql(f"CREATE SCHEMA {PROCRASTINATE_SCHEMA}")
    connection.exec_driver_sql(f"COMMENT ON SCHEMA {PROCRASTINATE_SCHEMA} IS '{wanted}'")
    connection.execute(text("SELECT set_config('search_path', :path, true)"), {"path": PROCRASTINATE_SCHEMA})
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("the connection is closed")
    driver.execute(SchemaManager.get_schema())
    connection.execute(text("SELECT set_config('search_path', :path, true)"), {"path": before})
    return True
