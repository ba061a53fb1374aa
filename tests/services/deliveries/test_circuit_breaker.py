"""Circuit breaker and pauses: unavailable vendors, broken plugins, refused credentials, and how they resume."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from support.application import ApplicationHarness

from nps_connect import AuthFailed, NotAllowed, OutcomeUnknown, Receipt, RetryLater
from nps_connect.ledger import pauses
from nps_connect.ledger.claims import LEASE_DURATION
from nps_connect.records.actions import HoldCode
from nps_connect.services.deliveries.circuit_breaker import record_hang
from nps_connect.services.operations.ledger_findings import load_findings


def answered(application, people: int, score: int = 9) -> None:
    for token in [application.surveyed(str(n), f"person{n}@example.com") for n in range(people)]:
        application.answer(token, score)


def stopped(application) -> dict[str, str]:
    with application.ledger.read() as session:
        return {scope: row.cause for scope, row in pauses.load_pauses(session).items()}


def broken_until(application, name: str):
    with application.ledger.read() as session:
        return max(pauses.no_call_before(session, name), default=None)


def findings(application, name: str) -> dict[str, str]:
    with application.ledger.read() as session:
        found = load_findings(session, application.ctx.settings, application.clock())
    return {finding.id: finding.text for finding in found if finding.subject == name}


def test_an_unavailable_vendor_opens_the_breaker_and_gets_one_probe(application, clock):
    answered(application, 8, 0)
    application.desk.raising = [RetryLater("down")] * 6
    application.run(only="open_ticket")
    assert len(application.desk.calls) == 5
    application.clock.forward("3s")
    application.run(only="open_ticket")
    assert len(application.desk.calls) == 5
    application.clock.forward("3s")
    application.run(only="open_ticket")
    assert len(application.desk.calls) == 6, "one goes first, and fails: all rest for longer"
    assert broken_until(application, "helpdesk") == clock.now + timedelta(seconds=15)
    application.clock.forward("15s")
    application.run(only="open_ticket")
    application.clock.forward("1m")
    application.run(only="open_ticket")
    assert {row.state for row in application.deliveries("open_ticket")} == {"succeeded"}
    assert broken_until(application, "helpdesk") is None


def test_failures_that_are_not_consecutive_open_no_breaker(application):
    answered(application, 8, 0)
    application.desk.raising = [RetryLater("down"), RetryLater("down"), None] * 2
    application.run(only="open_ticket")
    assert broken_until(application, "helpdesk") is None
    assert len(application.desk.calls) == 8


def test_an_unavailable_crm_does_not_open_the_breaker_of_the_mail_channel(application):
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    application.crm.looking = [RetryLater("down", connection="crm")] * 9
    for _ in range(7):
        application.run(only="send_survey")
        application.clock.forward("3h")
    assert broken_until(application, "mail") is None
    assert broken_until(application, "crm") is not None
    application.crm.looking = []
    application.clock.forward("1d")
    application.run(only="send_survey")
    assert broken_until(application, "crm") is None, "it answers again"


@pytest.fixture
def two_crms(ledger, clock):
    """Scores of people of one CRM are written at another one, which must look them up."""
    routes = [{"on": "any", "do": "write_score", "via": "shop"}]
    application = ApplicationHarness(ledger, clock, {"connections": {"shop": {"plugin": "acme"}}, "routes": routes})
    answered(application, 3)
    return application


def test_failed_lookups_at_the_called_vendor_open_its_breaker_and_count_as_probes(two_crms, clock):
    two_crms.crm.looking = [RetryLater("the shop is down")] * 6
    two_crms.run(only="write_score")
    assert findings(two_crms, "shop") == {
        "connection-failing": "calls that failed in a row: 1; the last: the shop is down",
        "deliveries-overdue": "deliveries pending: 3, of which due: 3",
    }
    for wait in ("20s", "2m", "6m", "20m"):
        two_crms.clock.forward(wait)
        two_crms.run(only="write_score")
    assert broken_until(two_crms, "shop") == clock.now + timedelta(seconds=5)
    assert "the shop is down" in findings(two_crms, "shop")["circuit-open"]
    two_crms.clock.forward("3h")
    looked = two_crms.crm.looked
    two_crms.run(only="write_score")
    assert two_crms.crm.looked == looked + 1, "one goes first, and fails"
    assert broken_until(two_crms, "shop") == clock.now + timedelta(seconds=15)
    two_crms.clock.forward("9h")
    two_crms.run(only="write_score")
    assert broken_until(two_crms, "shop") is None
    assert {row.state for row in two_crms.deliveries("write_score")} == {"succeeded"}
    assert findings(two_crms, "shop") == {}


def test_a_delivery_that_is_retried_is_overdue_since_its_first_attempt(two_crms):
    two_crms.crm.looking = [RetryLater("the shop is down")] * 4
    for wait in ("20s", "2m", "6m", "4m"):
        two_crms.run(only="write_score")
        two_crms.clock.forward(wait)
    assert {row.due_at > two_crms.clock() for row in two_crms.deliveries("write_score")} == {True}
    with two_crms.ledger.read() as session:
        found = load_findings(session, two_crms.ctx.settings, two_crms.clock())
    texts = [finding.text for finding in found if finding.severity == "warning" and finding.id == "deliveries-overdue"]
    assert texts == ["overdue in shop/write_score: 3, the oldest since 12 minutes"]


def test_a_probe_whose_lookup_finds_nobody_closes_the_breaker(two_crms):
    two_crms.crm.people.clear()
    with two_crms.ledger.write() as session:
        for _ in range(pauses.FAILURE_THRESHOLD):
            pauses.record_failure(session, "connection:shop", reason="down", now=two_crms.clock())
    two_crms.clock.forward("6s")
    two_crms.run(only="write_score")
    assert broken_until(two_crms, "shop") is None
    assert {row.state for row in two_crms.deliveries("write_score")} == {"skipped"}


def test_a_lookup_that_succeeds_does_not_hide_that_the_calls_fail(two_crms):
    two_crms.crm.raising = [RetryLater("no scores now")] * 5
    for _ in range(5):
        two_crms.run(only="write_score")
        two_crms.clock.forward("1h")
    assert "calls that failed in a row: 5" in findings(two_crms, "shop")["connection-failing"]


@pytest.mark.parametrize(
    ("error", "paused"),
    [
        (AuthFailed("expired"), {"connection:shop": "auth"}),
        (NotAllowed("no contacts for you"), {"queue:shop/write_score": "not_allowed"}),
    ],
)
def test_refused_credentials_in_a_lookup_pause_as_in_the_call(two_crms, error, paused):
    two_crms.crm.looking = [error] * 9
    looked = two_crms.crm.looked
    two_crms.run(only="write_score")
    assert (stopped(two_crms), two_crms.crm.looked) == (paused, looked + 1)
    assert [row.error_kind for row in two_crms.deliveries("write_score")] == [error.kind] * 3


def test_a_lookup_without_an_answer_leaves_no_mail_in_doubt(application):
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    application.crm.looking = [OutcomeUnknown("no answer")]
    application.run(only="send_survey")
    row = application.deliveries("send_survey")[0]
    assert (row.state, row.error_kind, row.in_doubt) == ("pending", RetryLater.kind, False)


def test_the_receipt_of_another_delivery_holds_the_delivery(application):
    application.desk._record_call = lambda drafts: [Receipt(id="ticket-1") for _ in drafts]
    answered(application, 2, 0)
    application.run(only="open_ticket")
    first, second = application.deliveries("open_ticket")
    assert (first.state, second.state) == ("succeeded", "held")
    assert second.hold_code == HoldCode.DUPLICATE_RECEIPT
    assert "'desk'" in second.last_error


def test_repeated_contract_breaches_pause_the_queue(application):
    application.crm._record_call = lambda updates: []
    answered(application, 1)
    for _ in range(4):
        application.run(only="write_score")
        application.clock.forward("1h")
    assert stopped(application) == {"queue:crm/write_score": "plugin"}


def test_a_second_hang_pauses_the_queue(application):
    record_hang(application.ctx, "crm/write_score")
    assert stopped(application) == {}
    record_hang(application.ctx, "crm/write_score")
    assert stopped(application) == {"queue:crm/write_score": "plugin"}


def test_a_bug_during_customer_mail_holds_the_delivery(application):
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.post.raising = [ZeroDivisionError("after the last dot")]
    application.clock.forward("3d")
    application.run()
    row = application.deliveries("send_survey")[0]
    assert (row.state, row.hold_code, len(application.post.calls)) == ("held", HoldCode.IN_DOUBT, 1)


def test_a_damaged_row_goes_dead_alone(application):
    answered(application, 2, 0)
    if not application.ledger.is_sqlite:
        return  # there the column takes nothing but JSON
    damaged = application.deliveries("open_ticket")[0].id
    with application.ledger.engine.begin() as connection:
        connection.execute(text("UPDATE deliveries SET payload = '{broken' WHERE id = :id"), {"id": damaged})
    application.run(only="open_ticket")
    with application.ledger.engine.connect() as connection:
        states = dict(connection.execute(text("SELECT id, state FROM deliveries WHERE action = 'open_ticket'")).all())
    assert states.pop(damaged) == "dead"
    assert set(states.values()) == {"succeeded"}


def test_two_updates_of_one_contact_are_serialised(application):
    token = application.surveyed()
    application.answer(token, 3)
    application.run()
    application.clock.forward("1m")
    application.answer(token, 4, "worse")
    application.clock.forward("1m")
    application.answer(token, 5, "better")
    application.clock.forward("1h")
    application.run()
    scores = [update.response.score for update in application.desk.updates]
    assert scores
    assert scores == sorted(scores)


def test_settling_is_retried_while_the_database_is_unavailable(application, monkeypatch):
    from sqlalchemy.exc import OperationalError

    from nps_connect.services.deliveries import deliver

    whole, failures = deliver.settle_batch, [OperationalError("COMMIT", {}, Exception("gone"))] * 2

    def settle(*args, **more):
        if failures:
            raise failures.pop()
        return whole(*args, **more)

    monkeypatch.setattr(deliver, "settle_batch", settle)
    answered(application, 1, 0)
    application.run(only="open_ticket")
    assert application.deliveries("open_ticket")[0].state == "succeeded"
    assert (len(application.desk.calls), LEASE_DURATION.total_seconds()) == (1, 30)


@pytest.mark.parametrize("error", [OutcomeUnknown("no answer"), RetryLater("down")])
def test_the_retry_plan_is_configurable(ledger, clock, error):
    application = ApplicationHarness(
        ledger, clock, {"delivery": {"retry": {"open_ticket": {"delays": ["10s"], "jitter": 0.0, "total": "1h"}}}}
    )
    answered(application, 1, 0)
    application.desk.raising = [error] * 9
    application.desk.nps_find_existing = None
    application.run(only="open_ticket")
    assert application.deliveries("open_ticket")[0].due_at == clock.now + timedelta(seconds=10)
    application.clock.forward("10s")
    application.run(only="open_ticket")
    assert application.deliveries("open_ticket")[0].state == "dead"
