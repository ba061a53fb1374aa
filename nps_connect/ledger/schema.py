"""The schema version: create or upgrade a database, or refuse one of another version with the command that fixes it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from nps_connect.errors import ConfigError
from nps_connect.ledger import procrastinate_schema, views
from nps_connect.ledger.ledger import DATABASE_URL_KEY, MISSING_DATABASE_FIX, Ledger

UPGRADE_LOCK_KEY = 7_240_513_001
"""Key of the PostgreSQL advisory lock that lets one process at a time upgrade."""

UPGRADE_TIMEOUT = timedelta(hours=1)
"""How long a process waits on SQLite for another one that upgrades."""

MIGRATIONS_DIR = Path(__file__).parent / "migrations"
VERSION_FOLDERS = (MIGRATIONS_DIR / "versions",)

PRERELEASE_VERSIONS = frozenset({"0001", "0002", "0003"})
"""Versions of databases from before 0.1.0, whose migrations were squashed into 2001: they cannot be upgraded."""


def create(ledger: Ledger) -> bool:
    """Create all tables in an empty database; returns False, without any change, if it has them already.

    Raises:
        ConfigError: the database cannot be reached.
    """
    ledger.ping()
    with _upgrade_transaction(ledger) as connection:
        if _database_version(connection) is not None:
            return False
        _migrate(connection)
    return True


def has_schema(ledger: Ledger) -> bool:
    """Return whether the database has our tables, of whatever version.

    Raises:
        ConfigError: the database cannot be reached.
    """
    ledger.ping()
    with ledger.engine.connect() as connection:
        return _database_version(connection) is not None


def upgrade(ledger: Ledger) -> tuple[str, str]:
    """Upgrade the schema of an existing database; returns the versions before and after. Idempotent.

    Raises:
        ConfigError: the database cannot be reached, is empty, was made before 0.1.0, or is newer.
    """
    ledger.ping()
    with _upgrade_transaction(ledger) as connection:
        previous_version = _database_version(connection)
        if previous_version is None:
            raise _empty_database()
        _refuse_unknown(previous_version)
        _migrate(connection)
    return previous_version, latest_version()


@contextmanager
def _upgrade_transaction(ledger: Ledger) -> Iterator[Connection]:
    """Open the transaction of an upgrade; only one process at a time has one, and the others wait for it."""
    with ledger.engine.connect().execution_options(immediate=True) as connection:
        if ledger.is_sqlite:
            timeout = int(UPGRADE_TIMEOUT.total_seconds() * 1000)
            connection.connection.driver_connection.execute(f"PRAGMA busy_timeout={timeout}")  # type: ignore[union-attr]
        with connection.begin():
            if not ledger.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK_KEY})
            yield connection


def _migrate(connection: Connection) -> None:
    """Run the migrations that the database lacks."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_DIR))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", os.pathsep.join(map(str, VERSION_FOLDERS)))
    config.attributes["connection"] = connection
    views.drop_views(connection)
    command.upgrade(config, "head")
    if (_database_version(connection) or "") >= views.VIEWS_SINCE:
        views.create_views(connection)
    if connection.dialect.name != "sqlite":
        procrastinate_schema.install_schema(connection)


def latest_version() -> str:
    """Return the schema version that this code needs."""
    return max(_known_versions())


def require_current_schema(ledger: Ledger) -> None:
    """Refuse a database whose schema has another version than this code needs.

    Raises:
        ConfigError: the database cannot be reached, is empty, was made before 0.1.0, or is older or newer.
    """
    ledger.ping()
    with ledger.read() as session:
        version = _database_version(session.connection())
    required_version = latest_version()
    if version == required_version:
        return
    if version is None:
        raise _empty_database()
    _refuse_unknown(version)
    raise ConfigError(
        f"the database has the old schema {version}; this program needs {required_version}",
        key=DATABASE_URL_KEY,
        fix="run: nps-connect db upgrade",
    )


def _empty_database() -> ConfigError:
    return ConfigError("the database is empty", key=DATABASE_URL_KEY, fix=MISSING_DATABASE_FIX)


def _refuse_unknown(version: str) -> None:
    """Refuse a version that no migration leads to or from."""
    if version in PRERELEASE_VERSIONS:
        raise ConfigError(
            f"the database has schema {version}, made before 0.1.0: export, then create anew",
            key=DATABASE_URL_KEY,
            fix="run responses export with the version that made it, set core.database_url to a new database, "
            "then run: nps-connect db create",
        )
    if version not in _known_versions():
        raise ConfigError(
            f"the database has schema {version}, which is newer than this program supports ({latest_version()})",
            key=DATABASE_URL_KEY,
            fix="install the newer nps-connect, or restore a backup from before the upgrade (see docs/backup.md)",
        )


def _database_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _known_versions() -> set[str]:
    """Return the versions by file name: importing Alembic to ask it takes long."""
    return {path.name.partition("_")[0] for folder in VERSION_FOLDERS for path in folder.glob("[0-9]*.py")}
