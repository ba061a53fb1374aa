"""One process per SQLite file, by whatever path it is opened."""

import errno
import os

import pytest
from support.sqlite_files import copy_database

from nps_connect.errors import ConfigError
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.process_lock import lock_file, single_process_lock


@pytest.fixture
def path(tmp_path, sqlite_template):
    copy_database(sqlite_template, tmp_path / "ledger.db")
    return tmp_path / "ledger.db"


@pytest.mark.parametrize("kind", ["same path", "symbolic link", "hard link", "renamed"])
def test_a_second_process_is_refused_by_every_path_to_the_file(path, tmp_path, kind):
    other = path if kind == "same path" else tmp_path / "other.db"
    if kind == "symbolic link":
        other.symlink_to(path)
    elif kind == "hard link":
        os.link(path, other)
    with lock_file(path):
        if kind == "renamed":
            path.rename(other)
        with pytest.raises(ConfigError, match="another process is already using"), lock_file(other):
            pass
    with lock_file(other):
        pass


def test_a_file_that_this_user_may_not_write_is_named_as_such(path, monkeypatch):
    def refuse(*_arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # the superuser, who may run this test, may write every file
    with pytest.raises(ConfigError, match="read-only for this user"), lock_file(path):
        pass


def test_no_file_beside_the_database_could_be_deleted_to_let_a_second_process_in(path, tmp_path):
    with single_process_lock(Ledger(f"sqlite:///{path}")):
        assert [entry.name for entry in tmp_path.iterdir()] == ["ledger.db"]


def test_the_lock_of_a_copy_is_another_one(path, tmp_path):
    copy_database(path, tmp_path / "copy.db")
    with lock_file(path), lock_file(tmp_path / "copy.db"):
        pass


def test_on_postgresql_any_number_of_processes_work(ledger):
    if not ledger.is_sqlite:
        with single_process_lock(ledger), single_process_lock(ledger):
            pass
