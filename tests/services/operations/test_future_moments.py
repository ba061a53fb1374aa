"""A clock that was a day ahead has left moments in the database: nothing waits for them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness

from nps_connect import RateLimited, RetryLater
from nps_connect.ledger import claims, pauses
from nps_connect.ledger.quotas import LedgerRateLimiter, QuotaRow, pause_quota
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.ledger.tokens import TokenRow
from nps_connect.ledger.workers import JobRow
from nps_connect.records.connectors import Quota
from nps_connect.services.operations.status import load_status
from nps_connect.worker.heartbeat import Heartbeat

DAY = timedelta(days=1)


@pytest.fixture
def heartbeat(application) -> Heartbeat:
    return Heartbeat(application.ctx, "run")


def set_back(application: ApplicationHarness, heartbeat: Heartbeat, by: timedelta = DAY) -> None:
    """The clock was ahead and is right again; then a heartbeat."""
    application.clock.now -= by
    heartbeat.run_once()


def load_status_now(application: ApplicationHarness):
    with application.ledger.read() as session:
        return load_status(session, application.ctx.settings, application.clock())


def test_jobs_run_again_and_status_says_that_the_clock_was_wrong(application, heartbeat):
    heartbeat.run_once()
    application.clock.forward("1d")
    application.run()
    set_back(application, heartbeat)
    with application.ledger.read() as session:
        due = {row.name: row.due_at for row in session.execute(select(JobRow)).scalars()}
    assert max(due.values()) == application.clock()
    assert load_status_now(application).moments_corrected == len(due)


def test_a_status_without_such_moments_says_nothing(application, heartbeat):
    application.run()
    heartbeat.run_once()
    assert (load_status_now(application).moments_corrected, load_status_now(application).clock_ahead_seconds) == (0, 0)


def test_status_tells_that_another_process_is_ahead(application):
    application.clock.forward("45s")
    Heartbeat(application.ctx, "worker").run_once()
    application.clock.now -= timedelta(seconds=45)
    assert load_status_now(application).clock_ahead_seconds == 45


def test_what_was_made_ahead_is_due_as_long_after_its_making_as_planned(application, heartbeat):
    application.crm.knows("1", "marie@example.com")
    application.clock.forward("1d")
    application.webhook(application.won("1"))
    application.run(only="crm/")
    set_back(application, heartbeat)
    [mail] = application.deliveries("send_survey")
    assert mail.due_at == application.clock() + timedelta(days=3)


def test_a_webhook_received_by_a_clock_ahead_is_read_now(application, heartbeat):
    application.crm.knows("1", "marie@example.com")
    fact = application.won("1")
    application.clock.forward("1d")
    application.webhook(fact)
    set_back(application, heartbeat)
    application.run()
    assert [row.action for row in application.deliveries()] == ["send_survey"]


def test_a_ticket_planned_by_a_clock_ahead_is_opened_now(application, heartbeat):
    token = application.surveyed()
    application.clock.forward("1d")
    application.answer(token, 1, sent=False)
    set_back(application, heartbeat)
    application.clock.forward("20s")
    application.run()
    assert len(application.desk.tickets) == 1


def test_a_retry_waits_no_longer_than_its_plan(application, heartbeat):
    application.answer(application.surveyed(), 1)
    application.clock.forward("1d")
    application.desk.raising = [RetryLater("down")]
    application.run(only="/open_ticket")
    assert application.deliveries("open_ticket")[0].attempts == 1
    set_back(application, heartbeat)
    application.run()
    assert len(application.desk.tickets) == 1


def test_a_survey_that_is_due_in_days_stays_so(application, heartbeat):
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    due_at = application.deliveries("send_survey")[0].due_at
    heartbeat.run_once()
    assert application.deliveries("send_survey")[0].due_at == due_at == application.clock() + timedelta(days=3)


def test_a_retry_that_waits_for_monday_stays_so(ledger, clock):
    application = ApplicationHarness(
        ledger, clock, {"limits": {"quiet_hours": "18:00-09:00", "quiet_days": ["saturday", "sunday"]}}
    )
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    application.post.raising = [RetryLater("greylisted")]
    application.run()
    application.clock.forward("1d")
    application.run()
    [mail] = application.deliveries("send_survey")
    assert (mail.attempts, mail.hold_code) == (1, "quiet_hours")
    Heartbeat(application.ctx, "run").run_once()
    assert application.deliveries("send_survey")[0].due_at == mail.due_at


def test_circuit_breaker_quota_token_lock_and_lease_end_in_time(application, heartbeat):
    ahead = application.clock.forward("1d")
    quota = Quota(calls=60, seconds=60)
    limiter = LedgerRateLimiter(application.ledger, application.clock)
    while not limiter.acquire("helpdesk", quota):
        pass
    application.answer(application.surveyed(), 1)
    with application.ledger.write() as session:
        scope = pauses.connection_scope("helpdesk")
        for _ in range(pauses.FAILURE_THRESHOLD):
            pauses.record_failure(session, scope, reason="down", now=application.clock())
        pause_quota(session, "crm", "general", until=ahead + timedelta(seconds=10))
        session.add(TokenRow(connection="helpdesk", name="oauth", locked_by="x", locked_until=ahead + DAY))
        claims.claim_ids(
            session, DeliveryRow, "helpdesk/open_ticket", token="of a dead worker", now=application.clock(), limit=1
        )
    set_back(application, heartbeat, application.clock() - ahead + DAY)
    now = application.clock()
    with application.ledger.read() as session:
        assert pauses.no_call_before(session, "helpdesk") == [now + timedelta(minutes=2)]
        assert pauses.no_call_before(session, "crm") == [now]
        assert session.execute(select(TokenRow.locked_until)).scalar_one() == now + timedelta(minutes=1)
        assert session.get_one(QuotaRow, ("helpdesk", "general")).refilled_at == now
    application.clock.forward("31s")
    heartbeat.run_once()
    assert application.deliveries("open_ticket")[0].state == "pending"


def test_a_poll_that_is_limited_for_a_day_is_tried_again_within_an_hour(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"connections": {"crm": {"plugin": "acme", "events": "poll"}}})
    application.crm.pages = [RateLimited("slow down", until=clock() + DAY)]
    application.run()
    with ledger.read() as session:
        due_at = session.execute(select(JobRow.due_at).where(JobRow.name == "poll:crm")).scalar_one()
    assert due_at == clock() + timedelta(hours=1)
