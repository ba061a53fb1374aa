"""Dead tickets in doubt are looked for once more before an alarm."""

from __future__ import annotations

import pytest
from support.application import ApplicationHarness

from nps_connect import OutcomeUnknown, RetryLater

ONE_TRY = {"delivery": {"retry": {"open_ticket": {"delays": ["5s"], "total": "1h"}}}}


@pytest.fixture
def application(ledger, clock) -> ApplicationHarness:
    application = ApplicationHarness(ledger, clock, ONE_TRY)
    application.answer(application.surveyed(), 1)
    return application


def exhaust(application: ApplicationHarness) -> None:
    """Run both attempts of the retry plan."""
    application.run()
    application.clock.forward("6s")
    application.run()


def test_a_dead_ticket_that_is_found_succeeds_without_an_alarm(application):
    application.desk.raising = [OutcomeUnknown("no answer")]
    application.desk.lose_answers = 1
    exhaust(application)
    assert application.deliveries("open_ticket")[0].state == "dead"
    application.clock.forward("10m")
    application.run()
    row = application.deliveries("open_ticket")[0]
    assert (row.state, row.in_doubt, row.receipt_id) == ("succeeded", False, "found")
    assert len(application.desk.tickets) == 1
    assert application.deliveries("send_fallback") == []


def test_a_dead_ticket_that_is_not_found_stays_dead_and_alarms(application):
    application.desk.raising = [OutcomeUnknown("no answer"), OutcomeUnknown("no answer")]
    exhaust(application)
    looks = application.desk.looked_for
    application.clock.forward("10m")
    application.run()
    application.clock.forward("10m")
    application.run()
    row = application.deliveries("open_ticket")[0]
    assert (row.state, row.in_doubt, application.desk.looked_for) == ("dead", False, looks + 1)
    assert application.desk.tickets == {}
    assert len(application.deliveries("send_fallback")) == 1


def test_a_dead_ticket_that_is_not_in_doubt_is_not_looked_for(application):
    application.desk.raising = [RetryLater("down"), RetryLater("down")]
    exhaust(application)
    application.clock.forward("10m")
    application.run()
    assert (application.deliveries("open_ticket")[0].state, application.desk.looked_for) == ("dead", 0)
