"""Findings on the database: unusable, damaged, without backup, on a full disk."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.observations import ObservationRow, load_observations, record_observation
from nps_connect.ledger.state_dir import StateDir
from nps_connect.services.operations.database_findings import (
    backup_findings,
    check_integrity,
    disk_findings,
    find_unusable_database,
)

GB = 1_000_000_000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "nps.db"


@pytest.fixture
def database(path, sqlite_template):
    path.write_bytes(sqlite_template.read_bytes())
    ledger = Ledger(f"sqlite:///{path}")
    yield ledger
    ledger.close()


def test_a_usable_database_has_no_finding(ledger):
    assert find_unusable_database(ledger) is None


def test_a_missing_file_names_both_commands(path):
    finding = find_unusable_database(Ledger(f"sqlite:///{path}"))
    assert (finding.id, finding.severity, finding.subject) == ("database-missing", "error", "database")
    assert "db restore FILE" in finding.fix
    assert "db create" in finding.fix


def test_an_empty_file_counts_as_missing(path):
    path.touch()
    assert find_unusable_database(Ledger(f"sqlite:///{path}")).id == "database-missing"


def test_another_schema_names_the_upgrade(database):
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '2001'"))
    finding = find_unusable_database(database)
    assert (finding.id, finding.fix) == ("database-version", "run: nps-connect db upgrade")


def test_a_file_that_is_no_database_is_damaged(path):
    path.write_bytes(b"not a database, but long enough to be read as one" * 100)
    finding = find_unusable_database(Ledger(f"sqlite:///{path}"))
    assert finding.id == "database-damaged"
    assert "db restore FILE" in finding.fix


def test_a_lock_of_another_process_is_named(path, database):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = Ledger(f"sqlite:///{path}", timeout_seconds=0.1)
        finding = find_unusable_database(waiting)
        waiting.close()
    assert (finding.id, finding.text) == ("storage-failing", "the database is locked by another process")
    assert "fuser" in finding.fix
    assert find_unusable_database(database) is None


def test_a_database_that_may_only_be_read_is_named(path, database):
    assert find_unusable_database(Ledger(f"sqlite:///{path}", read_only=True)).id == "storage-failing"


def test_a_server_that_cannot_be_reached_is_named_without_its_password():
    finding = find_unusable_database(Ledger("postgresql://nps:s3cret@127.0.0.1:1/nps?connect_timeout=2"))
    assert finding.id == "database-unreachable"
    assert "s3cret" not in finding.model_dump_json()


def test_damaged_pages_are_found(database, path):
    [whole] = check_integrity(database, None)
    assert whole.severity == "ok"
    database.close()
    content = bytearray(path.read_bytes())
    content[8192:12288] = bytes([7]) * 4096
    path.write_bytes(content)
    findings = check_integrity(database, None)
    assert {(finding.id, finding.severity) for finding in findings} == {("database-damaged", "error")}


def test_a_database_that_this_host_has_not_seen_is_named(database, tmp_path):
    [finding] = check_integrity(database, StateDir(tmp_path / "state"))
    assert (finding.id, finding.severity) == ("restored", "error")
    assert finding.text.startswith("this host has not seen this database before")


@pytest.mark.parametrize(
    ("free", "severity"), [(2 * GB, "ok"), (GB - 1, "warning"), (GB // 10 - 1, "error"), (OSError(5, "bad"), "error")]
)
def test_the_space_left_on_the_disk_is_reported(database, free, severity):
    def free_bytes(_path):
        if isinstance(free, OSError):
            raise free
        return free

    [finding] = disk_findings(database, None, free_bytes)
    assert finding.severity == severity
    expected = "ok" if severity == "ok" else "storage-failing" if isinstance(free, OSError) else "disk-low"
    assert severity == "ok" or finding.id == expected
    if severity == "ok":
        assert "SQLite, 0." in finding.text
        assert finding.text.endswith("2.0 GB left on its disk")


def test_the_disk_of_a_state_directory_elsewhere_is_reported_too(database, tmp_path):
    elsewhere = tmp_path / "mount" / "state"
    elsewhere.mkdir(parents=True)
    findings = list(disk_findings(database, StateDir(elsewhere), lambda _path: 2 * GB))
    assert [finding.text.partition(" ")[0] for finding in findings][1:] == ["state"]
    beside = StateDir(database.file.parent / "nps.db.state")
    assert len(list(disk_findings(database, beside, lambda _path: 2 * GB))) == 1


def test_the_age_of_the_last_backup(database, clock):
    def finding():
        with database.read() as session:
            [found] = backup_findings(database, load_observations(session, "backup").get(""), clock())
        return found

    assert (finding().id, finding().severity) == ("backup-old", "warning")
    with database.write() as session:
        record_observation(session, "backup", "", now=clock())
    clock.forward("2d")
    assert (finding().severity, finding().text) == ("ok", "last backup 2 days ago")
    clock.now += timedelta(seconds=1)
    assert (finding().id, finding().severity) == ("backup-old", "warning")


def test_the_age_of_a_postgresql_backup_is_known_once_it_is_recorded(clock):
    ledger = SimpleNamespace(is_sqlite=False)
    [unknown] = backup_findings(ledger, None, clock())
    assert (unknown.severity, "db backup --recorded" in unknown.fix) == ("ok", True)
    recorded = ObservationRow(kind="backup", subject="", at=clock() - timedelta(days=3), detail={})
    [old] = backup_findings(ledger, recorded, clock())
    assert (old.id, old.severity, old.text) == ("backup-old", "warning", "last backup 3 days ago")
    assert "db backup --recorded" in old.fix
