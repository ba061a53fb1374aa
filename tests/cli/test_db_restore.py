"""`nps-connect db restore` and `db restored`, as an operator uses them."""

import json
import os
import signal
import sqlite3
from contextlib import closing

import pytest
from support.process_kill import kill_at_rename

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.pauses import PauseRow
from nps_connect.ledger.process_lock import lock_file


@pytest.fixture
def restored_cli(configured_cli):
    """Run commands on a database with a backup `monday.db`, after which customer mail was paused."""
    configured_cli("db", "create")
    assert configured_cli("db", "backup", "monday.db").code == 0
    assert configured_cli("pause", "mail").code == 0
    return configured_cli


def scopes(path):
    with closing(sqlite3.connect(path)) as connection:
        return {scope for (scope,) in connection.execute("SELECT scope FROM pauses")}


def files(cli):
    """Return the names of the database files; what SQLite keeps beside one goes wherever it goes."""
    paths = cli.folder.glob("nps-connect.db*")
    return sorted(path.name for path in paths if path.is_file() and not path.name.endswith(("-wal", "-shm")))


def test_restore_installs_the_backup_and_keeps_the_present_database(restored_cli):
    result = restored_cli("db", "restore", "monday.db", "--yes")
    assert (result.code, result.err) == (0, "")
    assert "The previous database is now" in result.out
    assert "Held, because they may have been sent: 0 customer mails." in result.out
    database, aside = files(restored_cli)
    assert aside.startswith("nps-connect.db.before-restore-")
    assert scopes(restored_cli.folder / database) == {"restored", "mail"}
    assert scopes(restored_cli.folder / aside) == {"mail"}
    assert restored_cli("db", "check").code == 0
    assert (restored_cli.folder / "monday.db").exists()


def test_a_missing_database_is_restored(restored_cli):
    (restored_cli.folder / "nps-connect.db").unlink()
    result = restored_cli("db", "restore", "monday.db", "--yes", "--json")
    assert (result.code, json.loads(result.out)["previous"]) == (0, None)
    assert restored_cli("db", "check").code == 0


def test_a_damaged_database_is_replaced_and_kept(restored_cli):
    (restored_cli.folder / "nps-connect.db").write_bytes(b"damaged")
    assert restored_cli("db", "restore", "monday.db", "--yes").code == 0
    _, aside = files(restored_cli)
    assert (restored_cli.folder / aside).read_bytes() == b"damaged"
    assert restored_cli("db", "check").code == 0


def test_restore_asks_first(restored_cli):
    result = restored_cli("db", "restore", "monday.db", answer="n\n")
    assert result.code == 1
    assert "The present database is moved aside." in result.err
    assert files(restored_cli) == ["nps-connect.db"]


def test_restore_refuses_while_a_process_holds_the_lock(restored_cli):
    with lock_file(restored_cli.folder / "nps-connect.db"):
        result = restored_cli("db", "restore", "monday.db", "--yes")
    assert (result.code, "another process is already using nps-connect.db" in result.err) == (2, True)
    assert files(restored_cli) == ["nps-connect.db"]


def damaged(folder):
    content = bytearray((folder / "monday.db").read_bytes())
    content[60 * 4096 : 90 * 4096] = os.urandom(30 * 4096)
    (folder / "bad.db").write_bytes(content)


def newer(folder):
    (folder / "bad.db").write_bytes((folder / "monday.db").read_bytes())
    with closing(sqlite3.connect(folder / "bad.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def foreign(folder):
    (folder / "bad.db").write_bytes((folder / "monday.db").read_bytes())
    with closing(sqlite3.connect(folder / "bad.db")) as connection, connection:
        connection.execute("UPDATE database_identity SET database_id = 'another'")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "there is no file bad.db"),
        (lambda folder: (folder / "bad.db").write_text("text"), "bad.db cannot be copied: file is not a database"),
        (lambda folder: (folder / "bad.db").touch(), "bad.db cannot be used: the database is empty"),
        (damaged, "bad.db"),
        (newer, "bad.db cannot be used: the database has schema 9999, which is newer"),
        (foreign, "bad.db is a backup of another database than the one of this host"),
    ],
)
def test_a_file_that_is_no_usable_backup_changes_nothing(restored_cli, make, message):
    make(restored_cli.folder)
    before = (restored_cli.folder / "nps-connect.db").read_bytes()
    result = restored_cli("db", "restore", "bad.db", "--yes")
    assert (result.code, message in result.err) == (1, True), result.err
    assert files(restored_cli) == ["nps-connect.db"]
    assert (restored_cli.folder / "nps-connect.db").read_bytes() == before


def test_a_restore_by_copying_a_file_is_noticed_and_db_restored_deals_with_it(restored_cli):
    backup = (restored_cli.folder / "monday.db").read_bytes()
    (restored_cli.folder / "nps-connect.db").write_bytes(backup)
    check = restored_cli("db", "check")
    assert (check.code, check.out) == (1, "the database is a backup; run: nps-connect db restored\n")
    result = restored_cli("db", "restored", "--yes", "--json")
    assert (result.code, json.loads(result.out)["unconfirmed"]) == (0, 0)
    assert restored_cli("db", "check").code == 0
    with closing(sqlite3.connect(restored_cli.folder / "nps-connect.db")) as database:
        assert database.execute("SELECT command, object FROM audit_log ORDER BY id").fetchall() == [
            ("db create", "database"),
            ("db restored", "database"),
        ]


def test_restore_pauses_and_their_ends_are_audited_and_pauses_survive_it(restored_cli):
    restored_cli("pause", "--reason", "wrong template")
    assert restored_cli("db", "restore", "monday.db", "--yes").code == 0
    status = restored_cli("status").out
    assert "mail is paused" in status
    assert "(operator): wrong template" in status
    for scope in ("mail", "restored", "restored"):
        assert restored_cli("resume", scope, "--yes").code == 0
    with closing(sqlite3.connect(restored_cli.folder / "nps-connect.db")) as database:
        query = "SELECT command, object, reason FROM audit_log ORDER BY id"
        assert database.execute(query).fetchall() == [
            ("db create", "database", None),
            ("db restore", "database", None),
            ("resume", "mail", None),
            ("resume", "restored", None),
        ]


def test_a_restored_backup_cannot_be_taken_for_the_newest_database(restored_cli):
    ledger = Ledger(f"sqlite:///{restored_cli.folder / 'nps-connect.db'}")
    with ledger.write() as session:
        from nps_connect.connection import system_clock

        session.add(PauseRow(scope="database", cause="restored", reason="a backup", since=system_clock()))
    ledger.close()
    result = restored_cli("resume", "database", "--yes")
    assert (result.code, result.err) == (1, "Error: the database is a backup; run: nps-connect db restored\n")


def test_db_restored_refuses_while_a_process_works(restored_cli):
    with lock_file(restored_cli.folder / "nps-connect.db"):
        result = restored_cli("db", "restored", "--yes")
    assert (result.code, "another process is already using nps-connect.db" in result.err) == (2, True)


def test_without_a_newer_journal_the_operator_confirms_the_opt_outs(seeded_cli):
    """The state directory is lost: nothing says who opted out since the backup."""
    result = seeded_cli("db", "restored", "--yes")
    assert result.code == 0
    assert "there is no journal that is newer than the database: 5 people are not contacted" in result.err
    assert "When you know who opted out: nps-connect resume restored" in result.err
    assert "suppressed" in seeded_cli("contacts", "show", "marie@example.com").out
    assert seeded_cli("resume", "restored", "--yes").code == 0
    assert "unconfirmed" not in seeded_cli("contacts", "show", "marie@example.com").out


def test_an_earlier_moment_of_the_backup_is_in_the_company_s_zone(restored_cli):
    result = restored_cli("db", "restored", "--yes", "--json", "--taken-at", "2026-01-05T09:30")
    assert json.loads(result.out)["taken_at"] == "2026-01-05T08:30:00+00:00"


@pytest.mark.parametrize("command", ["pause database", "pause restored"])
def test_an_operator_cannot_set_the_pauses_of_a_restore(restored_cli, command):
    assert restored_cli(*command.split()).code == 2


@pytest.mark.parametrize("step", range(2))
def test_after_a_kill_in_the_middle_the_restore_is_repeated(restored_cli, step):
    child = os.fork()
    if child == 0:
        kill_at_rename(step)
        restored_cli("db", "restore", "monday.db", "--yes")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    assert restored_cli("db", "restore", "monday.db", "--yes").code == 0
    assert scopes(restored_cli.folder / "nps-connect.db") == {"restored", "mail"}
    kept = [name for name in files(restored_cli) if "before-restore" in name]
    assert [scopes(restored_cli.folder / name) for name in kept] == [{"mail"}]
    assert restored_cli("db", "check").code == 0


def test_after_a_kill_behind_the_installation_nothing_is_sent_until_db_restored_ran(restored_cli):
    child = os.fork()
    if child == 0:
        from nps_connect.services.operations import restored

        restored._put_in_doubt = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        restored_cli("db", "restore", "monday.db", "--yes")
        os._exit(0)
    os.waitpid(child, 0)
    assert scopes(restored_cli.folder / "nps-connect.db") == {"database"}
    result = restored_cli("db", "restored", "--yes", "--json")
    assert (result.code, json.loads(result.out)["unconfirmed"]) == (0, 0)
    assert scopes(restored_cli.folder / "nps-connect.db") == {"restored", "mail"}
