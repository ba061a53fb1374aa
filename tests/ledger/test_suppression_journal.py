"""The journal of suppressions: durable, encrypted, readable after torn lines and rotated keys."""

import os
import resource
from datetime import UTC, datetime

import pytest

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.suppression_journal import JournalEntry, SuppressionJournal

MOMENT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
KEY, NEW_KEY = "a-signing-key-for-tests", "another-signing-key-for-tests"


def test_entries_are_read_as_they_were_appended(tmp_path):
    journal = SuppressionJournal(tmp_path / "suppressions.log", [KEY])
    journal.append("opted_out", ["m:abc", "v:def"], MOMENT)
    journal.append("erased", ["m:ghi"], MOMENT)
    assert list(journal.read(journal.path)) == [
        JournalEntry("opted_out", MOMENT, "m:abc"),
        JournalEntry("opted_out", MOMENT, "v:def"),
        JournalEntry("erased", MOMENT, "m:ghi"),
    ]


def test_the_file_says_nothing_about_a_person_without_the_key(tmp_path):
    journal = SuppressionJournal(tmp_path / "suppressions.log", [KEY])
    journal.append("opted_out", ["m:abc"], MOMENT)
    assert "m:abc" not in journal.path.read_text()
    assert journal.path.stat().st_mode & 0o077 == 0
    assert [entry.subject for entry in SuppressionJournal(None, [NEW_KEY]).read(journal.path)] == [None]


def test_rotated_keys_still_decrypt(tmp_path):
    SuppressionJournal(tmp_path / "suppressions.log", [KEY]).append("bounced", ["m:abc"], MOMENT)
    [entry] = SuppressionJournal(None, [NEW_KEY, KEY]).read(tmp_path / "suppressions.log")
    assert entry.subject == "m:abc"


def test_a_torn_line_costs_that_line_only(tmp_path):
    journal = SuppressionJournal(tmp_path / "suppressions.log", [KEY])
    for subject in ("m:first", "m:torn"):
        journal.append("opted_out", [subject], MOMENT)
    with journal.path.open("rb+") as stream:
        stream.truncate(journal.path.stat().st_size - 20)
    journal.append("opted_out", ["m:last"], MOMENT)
    assert [entry.subject for entry in journal.read(journal.path)] == ["m:first", "m:last"]


def test_an_unwritable_journal_is_a_problem_and_no_error_for_the_customer_and_nothing_is_lost(tmp_path, caplog):
    journal = SuppressionJournal(tmp_path / "missing" / "suppressions.log", [KEY])
    for subject in ("m:first", "m:second"):
        journal.append("opted_out", [subject], MOMENT)
    assert "cannot be written (No such file or directory)" in journal.problem
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    journal.path.parent.mkdir()
    journal.flush()
    assert journal.problem is None
    assert [entry.subject for entry in journal.read(journal.path)] == ["m:first", "m:second"]


def test_a_line_that_does_not_fit_on_the_disk_is_written_whole_later(tmp_path):
    """A file size limit leaves room for a part of the line; the limit is that of a process of its own."""
    path = tmp_path / "suppressions.log"
    child = os.fork()
    if child == 0:
        journal = SuppressionJournal(path, [KEY])
        _, hard_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard_limit))
        journal.append("opted_out", ["m:abc"], MOMENT)
        was_told = journal.problem is not None
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard_limit, hard_limit))
        journal.flush()
        os._exit(0 if was_told and journal.problem is None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [entry.subject for entry in SuppressionJournal(None, [KEY]).read(path)] == ["m:abc"]


def test_a_missing_journal_is_an_error_that_names_it(tmp_path):
    with pytest.raises(NpsConnectError, match=r"the journal .*lost\.log cannot be read"):
        list(SuppressionJournal(None, [KEY]).read(tmp_path / "lost.log"))
