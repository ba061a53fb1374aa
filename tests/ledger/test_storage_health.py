"""Problems of the storage: logged once a minute, over after a write that succeeds, whatever the database."""

import contextlib
import logging
import os
import subprocess
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from support.postgres import SERVER_URL_VARIABLE, create_database, postgres_server
from support.sqlite_files import copy_database

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.pauses import PauseRow
from nps_connect.ledger.schema import create
from nps_connect.ledger.storage_health import DAMAGED, DISK_FULL, StorageHealth

MOMENT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(tmp_path, sqlite_template, clock):
    copy_database(sqlite_template, tmp_path / "ledger.db")
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.storage = StorageHealth(clock)
    yield ledger
    ledger.close()


def limit_pages(ledger, pages):
    """Let SQLite itself refuse to grow the file."""
    with ledger.engine.connect() as connection:
        connection.connection.driver_connection.execute(f"PRAGMA max_page_count={pages}")


def store(ledger, size=1_000_000):
    with ledger.write() as session:
        session.merge(PauseRow(scope="mail", cause="operator", reason=os.urandom(size).hex(), since=MOMENT))


def test_a_problem_that_ends_before_it_was_logged_is_logged_with_its_end(ledger, clock, caplog):
    limit_pages(ledger, 1)
    with caplog.at_level(logging.INFO):
        with pytest.raises(DBAPIError):
            store(ledger)
        clock.now += 10
        limit_pages(ledger, 1_000_000)
        store(ledger)
    assert [record.getMessage().split()[0] for record in caplog.records] == [
        "database_unusable",
        "database_usable_again",
    ]


def test_a_full_disk_is_logged_once_a_minute_and_over_after_a_write(ledger, clock, caplog):
    limit_pages(ledger, 1)
    with caplog.at_level(logging.INFO):
        for _ in range(12):
            with pytest.raises(DBAPIError):
                store(ledger)
            ledger.storage.log_problem()
            clock.now += 10
        assert ledger.storage.problem is DISK_FULL
        limit_pages(ledger, 1_000_000)
        store(ledger)
    assert ledger.storage.problem is None
    assert [record.getMessage().split()[0] for record in caplog.records] == [
        "database_unusable",
        "database_unusable",
        "database_usable_again",
    ]


def test_a_small_write_that_still_fits_does_not_end_a_full_disk(ledger, clock):
    limit_pages(ledger, 1)
    with pytest.raises(DBAPIError):
        store(ledger)
    for seconds, problem in ((0, DISK_FULL), (6, DISK_FULL), (1, None)):
        clock.now += seconds
        with ledger.write() as session:
            session.execute(text("UPDATE database_identity SET counter = counter"))
        assert ledger.storage.problem is problem


def test_damage_lasts_until_the_process_ends(ledger, clock):
    store(ledger)
    ledger.close()
    content = bytearray(ledger.file.read_bytes())
    content[-1_000_000:] = b"\xff" * 1_000_000
    ledger.file.write_bytes(content)
    with pytest.raises(DBAPIError), ledger.read() as session:
        session.execute(select(PauseRow)).all()
    assert ledger.storage.problem is DAMAGED
    clock.now += 1000
    with ledger.write() as session:
        session.execute(text("UPDATE database_identity SET counter = counter"))
    assert ledger.storage.problem is DAMAGED


def test_a_directory_without_access_says_nothing_about_its_disk(tmp_path):
    health = StorageHealth()
    health.check_disk(tmp_path / "missing")
    (tmp_path / "file").touch()
    health.check_disk(tmp_path / "file")
    assert health.problem is None


@pytest.mark.postgres
@pytest.mark.slow
def test_a_full_disk_of_a_postgresql_server_is_noticed_by_the_statement_that_fails(tmp_path, monkeypatch, clock):
    if os.geteuid() != 0 or SERVER_URL_VARIABLE in os.environ:
        pytest.skip("needs a server of our own on a disk that root mounts")
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o777)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m,mode=1777", "tmpfs", str(disk)], check=True)
    monkeypatch.setattr("tempfile.tempdir", str(disk))
    try:
        with postgres_server(durable=False) as maintenance:
            ledger = Ledger(create_database(maintenance))
            ledger.storage = StorageHealth(clock)
            create(ledger)
            filler = disk / "filler"
            with filler.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
                while True:
                    stream.write(bytes(4096))
            with pytest.raises(DBAPIError):
                store(ledger)
            assert ledger.storage.problem is DISK_FULL
            filler.unlink()
            clock.now += 10
            store(ledger)
            assert ledger.storage.problem is None
            ledger.close()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
