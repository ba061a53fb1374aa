"""The state directory of a host: private, written durably, with an error that names it."""

import pytest

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.state_dir import Identity, StateDir


def test_what_was_written_is_read(tmp_path):
    state_dir = StateDir(tmp_path / "below" / "state")
    assert state_dir.read_identity() is None
    for counter in (1, 2):
        state_dir.write_identity(Identity("a" * 32, counter))
    assert state_dir.read_identity() == Identity("a" * 32, 2)
    assert sorted(path.name for path in state_dir.path.iterdir()) == ["database.json", "suppressions.log"]


def test_it_is_private(tmp_path):
    state_dir = StateDir(tmp_path / "state")
    state_dir.write_identity(Identity("a" * 32, 1))
    assert [path.stat().st_mode & 0o077 for path in (state_dir.path, state_dir.journal_file)] == [0, 0]


def test_the_journal_is_never_emptied(tmp_path):
    state_dir = StateDir(tmp_path / "state")
    state_dir.write_identity(Identity("a" * 32, 1))
    state_dir.journal_file.write_text("entries")
    state_dir.write_identity(Identity("a" * 32, 2))
    assert state_dir.journal_file.read_text() == "entries"


def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NpsConnectError, match=r"file/state cannot be written .*set core.state_dir"):
        StateDir(tmp_path / "file" / "state").write_identity(Identity("a" * 32, 1))
