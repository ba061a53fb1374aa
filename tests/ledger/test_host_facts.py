"""What a host knows about a database that cannot be read."""

from __future__ import annotations

import os

from nps_connect.ledger.host_facts import find_lock_holder


def test_the_process_that_locked_the_file_is_named_before_the_one_that_runs_on_it(tmp_path):
    file, locks = tmp_path / "nps-connect.db", tmp_path / "locks"
    file.touch()
    status = file.stat()
    inode = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    running = f"1: FLOCK  ADVISORY  WRITE 41 {inode} 0 EOF\n"
    reading = f"2: POSIX  ADVISORY  READ 42 {inode} 1073741826 1073742335\n"
    writing = (
        f"3: POSIX  ADVISORY  WRITE 43 {inode} 1073741825 1073742335\n4: -> POSIX  ADVISORY  WRITE 44 {inode} 0 1\n"
    )
    other = "5: POSIX  ADVISORY  WRITE 45 00:00:1 0 EOF\n"
    locks.write_text(other)
    assert find_lock_holder(file, locks) is None
    locks.write_text(other + reading + running)
    assert find_lock_holder(file, locks) == 41
    locks.write_text(other + running + reading + writing)
    assert find_lock_holder(file, locks) == 43


def test_a_system_that_does_not_list_locks_names_nobody(tmp_path):
    (tmp_path / "nps-connect.db").touch()
    assert find_lock_holder(tmp_path / "nps-connect.db", tmp_path / "missing") is None
