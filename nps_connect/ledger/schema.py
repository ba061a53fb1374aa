"""The schema's version: bring it up to date, or refuse an old one with the command that mends it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from nps_connect.errors import ConfigError
from nps_connect.ledger import procrastinate_schema
from nps_connect.ledger.ledger import DATABASE_URL_KEY, Ledger

UPGRADE_LOCK_KEY = 7_240_513_001
"""Key of the PostgreSQL advisory lock under which one process at a time upgrades."""

MIGRATIONS_DIR = Path(__file__).parent / "migrations"


def upgrade(ledger: Ledger) -> tuple[str | None, str]:
    """Bring the schema up to date; returns the versions before and after. Twice is harmless.

    Raises:
        ConfigError: the database cannot be reached.
    """
    from alembic import command
    from alembic.config import Config

    ledger.ping()
    with ledger.engine.begin() as connection:
        if not ledger.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK_KEY})
        before = _database_version(connection)
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS_DIR))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if not ledger.is_sqlite:
            procrastinate_schema.install_schema(connection)
        return before, latest_version()


def latest_version() -> str:
    """The version that this code needs."""
    return max(_known_versions())


def require_current_schema(ledger: Ledger) -> None:
    """Refuse to work on a schema of another version.

    Raises:
        ConfigError: the database cannot be reached, is empty, old, or newer than this code.
    """
    ledger.ping()
    with ledger.engine.connect() as connection:
        found = _database_version(connection)
    if found == latest_version():
        return
    if found is not None and found not in _known_versions():
        raise ConfigError(
            f"the database has schema {found}, which is newer than this program knows ({latest_version()})",
            key=DATABASE_URL_KEY,
            fix="install the newer nps-connect",
        )
    state = "is empty" if found is None else f"has the old schema {found}"
    raise ConfigError(
        f"the database {state}; this program needs {latest_version()}",
        key=DATABASE_URL_KEY,
        fix="run: nps-connect db upgrade",
    )


def _database_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _known_versions() -> set[str]:
    """The versions that this code can make, by the names of their files: Alembic takes long to import."""
    return {path.name.partition("_")[0] for path in (MIGRATIONS_DIR / "versions").glob("[0-9]*.py")}
