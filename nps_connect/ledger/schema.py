"""The schema's version: bring it up to date, or refuse an old one with the command that mends it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from nps_connect.errors import ConfigError
from nps_connect.ledger import carrying
from nps_connect.ledger.ledger import SHOWN, Ledger

UPGRADE_LOCK = 7_240_513_001
"""Key of the PostgreSQL advisory lock under which one process at a time upgrades."""

MIGRATIONS = Path(__file__).parent / "migrations"


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
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
        before = _current(connection)
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if not ledger.is_sqlite:
            carrying.install(connection)
        return before, newest()


def newest() -> str:
    """The version that this code needs."""
    return max(_known())


def require_newest(ledger: Ledger) -> None:
    """Refuse to work on a schema of another version.

    Raises:
        ConfigError: the database cannot be reached, is empty, old, or newer than this code.
    """
    ledger.ping()
    with ledger.engine.connect() as connection:
        found = _current(connection)
    if found == newest():
        return
    if found is not None and found not in _known():
        raise ConfigError(
            f"the database has schema {found}, which is newer than this program knows ({newest()})",
            key=SHOWN,
            fix="install the newer nps-connect",
        )
    state = "is empty" if found is None else f"has the old schema {found}"
    raise ConfigError(
        f"the database {state}; this program needs {newest()}", key=SHOWN, fix="run: nps-connect db upgrade"
    )


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _known() -> set[str]:
    """The versions that this code can make, by the names of their files: Alembic takes long to import."""
    return {path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")}
