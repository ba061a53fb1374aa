"""What the product tells anybody who asks whether it is ready."""

import logging
from dataclasses import replace

import pytest
from support.application import ApplicationHarness

from nps_connect.app.web_backend import ApplicationWebBackend
from nps_connect.ledger.ledger import Ledger


@pytest.fixture
def ctx(ledger, clock):
    return ApplicationHarness(ledger, clock).ctx


def test_a_product_with_a_current_database_is_ready(ctx):
    assert ApplicationWebBackend(ctx).problems() == []


def test_readiness_names_no_host_of_an_unreachable_database_and_the_log_does(ctx, caplog):
    unreachable = Ledger("postgresql://nps@127.0.0.1:1/nps")
    with caplog.at_level(logging.WARNING):
        problems = ApplicationWebBackend(replace(ctx, ledger=unreachable)).problems()
    unreachable.close()
    assert problems == ["the database cannot be used; the log says why"]
    assert "127.0.0.1" in caplog.text


def test_readiness_names_no_file_of_an_unwritable_journal(ctx):
    ctx.journal.problem = "the journal of suppressions /srv/nps/journal.jsonl cannot be written"
    assert ApplicationWebBackend(ctx).problems() == ["the journal of suppressions cannot be written; the log says why"]


def test_readiness_names_no_file_of_a_damaged_database_whose_log_line_is_the_heartbeat_s(
    ctx, caplog, tmp_path, sqlite_template
):
    path = tmp_path / "ledger.db"
    path.write_bytes(sqlite_template.read_bytes()[:4096] + b"\xff" * 100_000)
    ledger = Ledger(f"sqlite:///{path}")
    backend = ApplicationWebBackend(replace(ctx, ledger=ledger))
    with caplog.at_level(logging.WARNING):
        assert [backend.problems() for _ in range(3)] == [["the database is damaged"]] * 3
        assert caplog.text == ""
        ledger.storage.log_problem()
    ledger.close()
    assert ["nps-connect db restore FILE" in record.getMessage() for record in caplog.records] == [True]
