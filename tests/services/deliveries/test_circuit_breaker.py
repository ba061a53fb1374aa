"""Circuit breaker and pauses: unavailable vendors, broken plugins, refused credentials, and how they resume."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from support.application import ApplicationHarness
from support.fake_vendors import FakeCrm

from nps_connect import AuthFailed, Finding, OutcomeUnknown, Receipt, RetryLater, hookimpl
from nps_connect.ledger import pauses
from nps_connect.ledger.claims import LEASE_DURATION
from nps_connect.records.deliveries import HoldCode
from nps_connect.services.deliveries.circuit_breaker import record_hang


def answered(application, people: int, score: int = 9) -> None:
    for token in [application.surveyed(str(n), f"person{n}@example.com") for n in range(people)]:
        application.answer(token, score)


def stopped(application) -> dict[str, str]:
    with application.ledger.read() as session:
        return {scope: row.cause for scope, row in pauses.load_pauses(session).items()}


def broken_until(application, name: str):
    with application.ledger.read() as session:
        return max(pauses.no_call_before(session, name), default=None)


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


class CheckedCrm(FakeCrm):
    well = False

    @hookimpl
    def nps_check(self, connection):
        return [Finding(severity="ok" if self.well else "error", text="the token", fix="renew it")]


def test_a_connection_paused_after_401_resumes_when_its_check_passes(ledger, clock):
    crm = CheckedCrm()
    application = ApplicationHarness(ledger, clock, acme=crm)
    application.crm = crm
    answered(application, 1)
    crm.raising = [AuthFailed("expired", connection="crm")]
    application.run()
    assert stopped(application) == {"connection:crm": "auth"}
    application.clock.forward("10m")
    application.run()
    assert application.deliveries("write_score")[0].state == "pending"
    crm.well = True
    application.clock.forward("10m")
    application.run()
    assert stopped(application) == {}
    assert application.deliveries("write_score")[0].state == "succeeded"


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
