"""`nps-connect db upgrade`: upgrade the schema of an existing database."""

import json
import shutil
import sqlite3
import time
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from support.command_process import start_command
from support.postgres import create_database, drop_database

from nps_connect.ledger import schema
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import UPGRADE_LOCK_KEY, create, latest_version


def test_upgrade_is_idempotent(configured_cli):
    configured_cli("db", "create")
    assert configured_cli("db", "upgrade").out == f"Schema is up to date: {latest_version()}.\n"
    assert json.loads(configured_cli("db", "upgrade", "--json").out) == {
        "before": latest_version(),
        "after": latest_version(),
        "changed": False,
    }


def test_upgrade_never_creates_a_database(configured_cli):
    result = configured_cli("db", "upgrade")
    assert result.code == 2
    assert "nps-connect.db does not exist" in result.err
    assert not (configured_cli.folder / "nps-connect.db").exists()


def test_unreachable_database(configured_cli):
    result = configured_cli("db", "create", NPS_CONNECT_CORE__DATABASE_URL="sqlite:////nowhere/at/all.db")
    assert result.code == 2
    assert (
        "Error: environment variable NPS_CONNECT_CORE__DATABASE_URL: core.database_url: the database file cannot be opened; check its path"
        in result.err
    )


OLD_VERSION = "2003"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def old_database(request, configured_cli, tmp_path, monkeypatch):
    """The URL of a database that lacks the newest migrations."""
    if request.param == "sqlite":
        url = f"sqlite:///{configured_cli.folder / 'old.db'}"
    else:
        maintenance = request.getfixturevalue("postgres")
        url = create_database(maintenance)
    versions = tmp_path / "versions"
    versions.mkdir()
    for name in ("2001_initial.py", "2003_database_identity.py"):
        shutil.copy(schema.MIGRATIONS_DIR / "versions" / name, versions)
    ledger = Ledger(url, create=True)
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "VERSION_FOLDERS", (versions,))
        create(ledger)
    ledger.close()
    yield url
    if request.param == "postgres":
        drop_database(maintenance, url)


@contextmanager
def upgrade_lock(url):
    """Hold what lets one process at a time upgrade; yields a function that tells whether a process waits for it."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield lambda process: any(
                link.exists() and link.readlink() == path for link in Path(f"/proc/{process.pid}/fd").iterdir()
            )
            connection.execute("ROLLBACK")
        return
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [UPGRADE_LOCK_KEY])
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        yield lambda _process: connection.execute(waiting).fetchone()[0] == 2


def test_two_upgrades_at_once_wait_for_each_other_and_one_of_them_migrates(configured_cli, old_database):
    environ = {"NPS_CONNECT_CORE__DATABASE_URL": old_database}
    deadline = time.monotonic() + 60
    with upgrade_lock(old_database) as waits:
        processes = [start_command(configured_cli.folder, "db", "upgrade", "--json", **environ) for _ in range(2)]
        while not all(waits(process) for process in processes):
            assert time.monotonic() < deadline
            assert [process.poll() for process in processes] == [None, None]
            time.sleep(0.05)
    outputs = [process.communicate(timeout=60) for process in processes]
    assert ([process.returncode for process in processes], [err for _, err in outputs]) == ([0, 0], ["", ""])
    newest = latest_version()
    assert sorted((report["before"], report["after"]) for report in (json.loads(out) for out, _ in outputs)) == [
        (OLD_VERSION, newest),
        (newest, newest),
    ]


def test_a_newer_schema_is_named_with_what_to_do(configured_cli):
    configured_cli("db", "create")
    ledger = Ledger(f"sqlite:///{configured_cli.folder / 'nps-connect.db'}")
    with ledger.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    ledger.close()
    result = configured_cli("db", "upgrade")
    assert result.code == 2
    assert (
        f"the database has schema 9999, which is newer than this program supports ({latest_version()}); "
        "install the newer nps-connect, or restore a backup from before the upgrade"
    ) in result.err
