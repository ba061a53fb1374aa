"""The schema's version: bring it up to date, or refuse an old one with the command that mends it."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from nps_connect.errors import ConfigError
from nps_connect.ledger import carrying
from nps_connect.ledger.ledger import SHOWN, Ledger

UPGRADE_LOCK = 7_240_513_001
"""Key of the PostgreSQL advisory lock under which one process at a time upgrades."""


def upgrade(ledger: Ledger) -> tuple[str | None, str]:
    """Bring the schema up to date; returns the versions before and after. Twice is harmless.

    Raises:
        ConfigError: the database cannot be reached.
    """
    ledger.ping()
    with ledger.engine.begin() as connection:
        if not ledger.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
        before = _current(connection)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if not ledger.is_sqlite:
            carrying.install(connection)
        return before, newest()


def newest() -> str:
    """The version that this code needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuntimeError("no migration is installed")
    return head


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
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found is not None and found not in known:
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
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
