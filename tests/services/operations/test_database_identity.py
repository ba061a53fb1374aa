"""A restored database is noticed by its identity, and nothing is sent until the operator has dealt with it."""

import json

import pytest
from support.application import ApplicationHarness

from nps_connect.ledger import pauses
from nps_connect.ledger.identity import RECORDED_MOMENTS, lock_identity
from nps_connect.ledger.pauses import DATABASE_SCOPE
from nps_connect.services.operations.connection_checks import ConnectionCheck, add_ledger_findings
from nps_connect.services.operations.database_identity import check_identity, write_raised_identity
from nps_connect.worker.heartbeat import Heartbeat


@pytest.fixture
def application(ledger, clock, tmp_path):
    harness = ApplicationHarness(ledger, clock, {"core": {"state_dir": str(tmp_path / "state")}})
    write_raised_identity(ledger, harness.ctx.state_dir)
    return harness


def check(application):
    return check_identity(application.ledger, application.ctx.state_dir, application.clock())


def set_counter(application, counter):
    with application.ledger.write() as session:
        lock_identity(session).counter = counter


def load_pause(application):
    with application.ledger.read() as session:
        return pauses.load_pauses(session).get(DATABASE_SCOPE)


def stored_counter(application):
    with application.ledger.read() as session:
        return lock_identity(session).counter


def test_each_check_raises_the_counter_in_the_database_and_in_the_state_directory(application):
    before = stored_counter(application)
    assert check(application)
    assert stored_counter(application) == before + 1
    assert application.ctx.state_dir.read_identity().counter == before + 1


def test_a_lower_counter_means_restored_and_nothing_is_sent(application):
    application.surveyed("1")
    check(application)
    set_counter(application, 0)
    assert not check(application)
    assert load_pause(application).cause == "restored"
    assert "nps-connect db restored" in load_pause(application).reason
    application.crm.knows("2", "paul@example.com")
    application.webhook(application.won("2"))
    application.run()
    application.clock.forward("3d")
    application.run()
    assert len(application.post.items) == 1
    assert [row.state for row in application.deliveries("send_survey")] == ["succeeded", "pending"]


def test_the_counter_of_a_restored_database_is_not_raised(application):
    set_counter(application, 0)
    for _ in range(3):
        check(application)
    assert stored_counter(application) == 0


@pytest.mark.parametrize("content", [None, "", "{}", json.dumps({"database_id": "0" * 32, "counter": 1})])
def test_a_database_that_this_host_does_not_know_is_asked_about(application, content):
    path = application.ctx.state_dir.path / "database.json"
    path.unlink() if content is None else path.write_text(content)
    assert not check(application)
    assert load_pause(application).cause == "unknown_database"
    assert "nps-connect resume database" in load_pause(application).reason


def test_the_newest_moment_is_that_of_the_first_notice(application):
    application.surveyed("1")
    newest = application.clock()
    set_counter(application, 0)
    check(application)
    application.clock.forward("1h")
    application.webhook(application.won("7"))
    application.run()
    check(application)
    with application.ledger.read() as session:
        assert lock_identity(session).newest_at == newest


def test_the_heartbeat_checks_at_the_start_then_every_minute_and_at_the_stop(application):
    heartbeat = Heartbeat(application.ctx, "run")
    counters = [stored_counter(application)]
    for wait in ("0s", "59s", "1s"):
        application.clock.forward(wait)
        heartbeat.run_once()
        counters.append(stored_counter(application))
    heartbeat.stop()
    counters.append(stored_counter(application))
    assert [counter - counters[0] for counter in counters] == [0, 1, 1, 2, 3]


def test_moments_that_are_planned_or_told_by_a_vendor_are_not_recorded_ones():
    names = {column.key for column in RECORDED_MOMENTS}
    assert names == {"received_at", "decided_at", "created_at", "sent_at", "at", "finished_at", "seen_at"}


def test_every_connection_s_check_reports_it(application):
    set_counter(application, 0)
    check(application)
    for connection in ("crm", "helpdesk"):
        texts = [
            finding.text
            for finding in add_ledger_findings(application.ctx, ConnectionCheck(connection, ()))
            if finding.severity == "error"
        ]
        assert len(texts) == 1
        assert texts[0].endswith("the database is a backup; run: nps-connect db restored")
