"""Copies of a SQLite database in use, their check, and their installation, which survives a crash at any step."""

import os
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.process_kill import kill_at_rename
from support.sqlite_files import copy_database as copy_template

from nps_connect.errors import ConfigError, NpsConnectError
from nps_connect.ledger.backup import copy_database, find_damage, install, staged_file
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.pauses import PauseRow

MOMENT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def write(ledger, scope):
    with ledger.write() as session:
        session.add(PauseRow(scope=scope, cause="operator", reason="x", since=MOMENT))


def scopes(path):
    with closing(sqlite3.connect(path)) as connection:
        return {scope for (scope,) in connection.execute("SELECT scope FROM pauses")}


@pytest.fixture
def ledger(tmp_path, sqlite_template):
    copy_template(sqlite_template, tmp_path / "ledger.db")
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield ledger
    ledger.close()


def test_a_copy_holds_what_was_committed_while_a_process_works(ledger, tmp_path):
    write(ledger, "before")
    with ledger.write() as session:
        session.add(PauseRow(scope="open", cause="operator", reason="x", since=MOMENT))
        session.flush()
        copy_database(ledger.file, tmp_path / "copy.db", is_in_use=True)
    write(ledger, "after")
    assert scopes(tmp_path / "copy.db") == {"before"}
    assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0


def test_an_existing_file_is_not_overwritten_and_a_failed_copy_leaves_nothing(ledger, tmp_path):
    (tmp_path / "kept.db").write_text("mine")
    with pytest.raises(NpsConnectError, match=r"kept\.db exists already; nothing was written"):
        copy_database(ledger.file, tmp_path / "kept.db", is_in_use=True)
    (tmp_path / "text.db").write_text("no database at all " * 100)
    with pytest.raises(NpsConnectError, match=r"text\.db cannot be copied: file is not a database"):
        copy_database(tmp_path / "text.db", tmp_path / "copy.db", is_in_use=False)
    with pytest.raises(NpsConnectError, match=r"copy\.db cannot be written \(No such file or directory\)"):
        copy_database(ledger.file, tmp_path / "nowhere" / "copy.db", is_in_use=True)
    assert not list(tmp_path.glob("copy.db*"))


def test_a_plain_copy_of_an_idle_or_stopped_database_is_whole(ledger, tmp_path):
    write(ledger, "idle")
    ledger.checkpoint()
    (tmp_path / "idle.db").write_bytes(ledger.file.read_bytes())
    write(ledger, "stopped")
    ledger.close()
    (tmp_path / "stopped.db").write_bytes(ledger.file.read_bytes())
    assert (scopes(tmp_path / "idle.db"), scopes(tmp_path / "stopped.db")) == ({"idle"}, {"idle", "stopped"})


def test_a_file_with_its_log_is_read_and_left_as_it_is(ledger, tmp_path):
    write(ledger, "in the log")
    for suffix in ("", "-wal"):
        Path(f"{tmp_path / 'plain.db'}{suffix}").write_bytes(Path(f"{ledger.file}{suffix}").read_bytes())
    before = (tmp_path / "plain.db").read_bytes()
    copy_database(tmp_path / "plain.db", tmp_path / "copy.db", is_in_use=False)
    assert scopes(tmp_path / "copy.db") == {"in the log"}
    assert (tmp_path / "plain.db").read_bytes() == before


def test_damage_is_found(ledger, tmp_path):
    ledger.close()
    assert find_damage(ledger.file) == []
    content = bytearray(ledger.file.read_bytes())
    content[20 * 4096 : 40 * 4096] = b"\xff" * (20 * 4096)
    (tmp_path / "damaged.db").write_bytes(content)
    assert find_damage(tmp_path / "damaged.db")
    with pytest.raises(ConfigError, match="cannot be opened"):
        find_damage(tmp_path / "missing.db")


def stage(ledger, tmp_path):
    """Write "new" to the prepared copy and "old" to the database, of which a part is in its log; returns both paths."""
    staged, log = staged_file(ledger.file), Path(f"{ledger.file}-wal")
    write(ledger, "new")
    copy_database(ledger.file, staged, is_in_use=True)
    write(ledger, "old")
    file_content, log_content = ledger.file.read_bytes(), log.read_bytes()
    ledger.close()
    ledger.file.write_bytes(file_content)
    log.write_bytes(log_content)
    return ledger.file, staged


def test_installing_moves_the_old_database_aside_with_its_owner_s_permissions(ledger, tmp_path):
    database, staged = stage(ledger, tmp_path)
    database.chmod(0o640)
    aside = install(staged, database, MOMENT)
    assert aside.name == "ledger.db.before-restore-20261120T093000Z"
    assert (scopes(database), scopes(aside)) == ({"new"}, {"new", "old"})
    assert database.stat().st_mode & 0o777 == 0o640


def test_a_damaged_database_is_kept_with_its_log(ledger, tmp_path):
    database, staged = stage(ledger, tmp_path)
    database.write_bytes(b"\xff" * 4096)
    log_content = Path(f"{database}-wal").read_bytes()
    aside = install(staged, database, MOMENT)
    assert scopes(database) == {"new"}
    assert Path(f"{aside}-wal").read_bytes() == log_content


@pytest.mark.parametrize("step", range(3))
def test_a_kill_at_any_step_leaves_the_old_no_or_the_new_database_and_can_be_repeated(ledger, tmp_path, step):
    database, staged = stage(ledger, tmp_path)
    child = os.fork()
    if child == 0:
        kill_at_rename(step)
        install(staged, database, MOMENT)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    if database.exists():
        assert scopes(database) in ({"new"}, {"new", "old"})
    if staged.exists():
        install(staged, database, MOMENT.replace(second=1))
    assert scopes(database) == {"new"}
    kept = [path for path in tmp_path.glob("ledger.db.before-restore-*") if not path.name.endswith(("-wal", "-shm"))]
    assert [scopes(path) for path in kept] == [{"new", "old"}]
