"""Outcomes that come after another worker took over: receipts settle, an overwritten score is repaired."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.clock import ManualClock
from support.fake_vendors import FakeCrm, FakeHelpdesk, FakeMailChannel

from nps_connect import DeliveryError, OutcomeUnknown, hookimpl
from nps_connect.app.actions import ACTIONS
from nps_connect.ledger import claims
from nps_connect.ledger.tables import AttemptRow, DeliveryRow, InvitationRow
from nps_connect.services.deliveries.operator_actions import retry_by_operator
from nps_connect.worker.heartbeat import Heartbeat

REMINDER = {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "4d"}}}


class Interrupting:
    """A vendor that calls `interrupt` once in its next call, with a function that applies the call."""

    interrupt: Callable[[Callable[[], object]], object] | None = None

    def _record_call(self, items):
        interrupt, self.interrupt = self.interrupt, None
        if interrupt is None:
            return super()._record_call(items)
        return interrupt(lambda: super(Interrupting, self)._record_call(items))


class InterruptingCrm(Interrupting, FakeCrm):
    """A CRM whose requests can be late."""


class InterruptingHelpdesk(Interrupting, FakeHelpdesk):
    """A helpdesk whose responses can be late; `before_look` is called once, before the next look-up."""

    before_look: Callable[[], object] | None = None

    @hookimpl
    def nps_find_existing(self, connection, delivery):
        before_look, self.before_look = self.before_look, None
        if before_look is not None:
            before_look()
        return super().nps_find_existing(connection, delivery)


class InterruptingMailChannel(Interrupting, FakeMailChannel):
    """A mail channel whose responses can be late."""


@pytest.fixture
def application(ledger, clock) -> ApplicationHarness:
    vendors = {"acme": InterruptingCrm(), "desk": InterruptingHelpdesk(), "post": InterruptingMailChannel()}
    harness = ApplicationHarness(ledger, clock, REMINDER, **vendors)
    harness.crm, harness.desk, harness.post = vendors.values()
    return harness


@pytest.fixture
def fast_worker(application) -> ApplicationHarness:
    """A second worker, whose clock is 45 seconds ahead: it takes every lease for expired."""
    vendors = {"acme": application.crm, "desk": application.desk, "post": application.post}
    ahead = ManualClock(application.clock() + timedelta(seconds=45))
    return ApplicationHarness(application.ledger, ahead, REMINDER, seed=8, **vendors)


def take_over(application: ApplicationHarness, fast_worker: ApplicationHarness) -> None:
    fast_worker.clock.now = application.clock() + timedelta(seconds=45)
    Heartbeat(fast_worker.ctx, "worker").run_once()


def invite(application: ApplicationHarness) -> None:
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")


def attempts(application: ApplicationHarness, delivery: DeliveryRow) -> list[tuple[str, str | None]]:
    with application.ledger.read() as session:
        query = select(AttemptRow).where(AttemptRow.delivery_id == delivery.id).order_by(AttemptRow.id)
        return [(row.outcome, row.message) for row in session.execute(query).scalars()]


def test_a_mail_whose_receipt_comes_after_the_lease_was_lost_is_sent(application, fast_worker):
    def late_receipt(apply):
        receipts = apply()
        take_over(application, fast_worker)
        assert application.deliveries("send_survey")[0].hold_code == "in_doubt"
        return receipts

    invite(application)
    application.post.interrupt = late_receipt
    application.run()
    [mail] = application.deliveries("send_survey")
    assert (mail.state, mail.in_doubt, mail.hold_code, mail.receipt_id) == (
        "succeeded",
        False,
        None,
        "InterruptingMailChannel-1-0",
    )
    assert [outcome for outcome, _ in attempts(application, mail)] == ["succeeded"]
    with application.ledger.read() as session:
        [invitation] = session.execute(select(InvitationRow)).scalars()
    assert (invitation.state, invitation.sent_at) == ("sent", application.clock())
    assert [row.state for row in application.deliveries("send_reminder")] == ["pending"]


def test_a_ticket_whose_receipt_comes_late_is_not_looked_for(application, fast_worker):
    def late_receipt(apply):
        receipts = apply()
        take_over(application, fast_worker)
        return receipts

    application.answer(application.surveyed(), 2)
    application.desk.interrupt = late_receipt
    application.run()
    [ticket] = application.deliveries("open_ticket")
    assert (ticket.state, ticket.in_doubt, application.desk.looked_for) == ("succeeded", False, 0)


def test_a_mail_that_was_sent_again_meanwhile_shows_both_attempts(application, fast_worker):
    def send_again(apply):
        receipts = apply()
        take_over(application, fast_worker)
        with application.ledger.write() as session:
            row = session.get_one(DeliveryRow, application.deliveries("send_survey")[0].id)
            settings, now = application.ctx.settings, application.clock()
            retry_by_operator(session, row, actions=ACTIONS, settings=settings, now=now, even_if_sent=True)
        fast_worker.run(only="/send_survey")
        return receipts

    invite(application)
    application.post.interrupt = send_again
    application.run()
    [mail] = application.deliveries("send_survey")
    assert (mail.state, len(application.post.sent("survey"))) == ("succeeded", 2)
    assert [message for _, message in attempts(application, mail)] == [
        None,
        "the lease was lost during this attempt; the effect may be there twice; receipt: InterruptingMailChannel-1-0",
    ]


def test_a_newer_score_that_a_late_worker_overwrote_is_written_again(application, fast_worker):
    def late_request(apply):
        take_over(application, fast_worker)
        application.answer(token, 9)
        application.clock.forward("61s")
        fast_worker.clock.forward("61s")
        fast_worker.run(only="/write_score")
        assert application.crm.scores == {"1": 9}
        receipts = apply()
        assert application.crm.scores == {"1": 3}
        return receipts

    token = application.surveyed()
    application.answer(token, 3)
    application.clock.forward("61s")
    application.crm.interrupt = late_request
    application.run()
    assert application.crm.scores == {"1": 9}
    assert {row.state for row in application.deliveries("write_score")} == {"succeeded", "cancelled"}


def test_a_newer_score_that_is_being_written_is_written_again_afterwards(application, fast_worker):
    def late_request(apply):
        take_over(application, fast_worker)
        application.answer(token, 9)
        application.clock.forward("61s")
        with application.ledger.write() as session:
            claims.claim_ids(
                session, DeliveryRow, "crm/write_score", token="other", now=application.clock(), limit=1, start=True
            )
        return apply()

    token = application.surveyed()
    application.answer(token, 3)
    application.clock.forward("61s")
    application.crm.interrupt = late_request
    application.run(only="/write_score")
    rows = application.deliveries("write_score")
    assert [row.state for row in rows] == ["cancelled", "running", "pending"]
    with application.ledger.write() as session:
        claims.settle_many(session, DeliveryRow, {rows[1].id: {"state": "succeeded"}}, token="other")
    application.clock.forward("1s")
    application.run()
    assert application.crm.scores == {"1": 9}


def test_a_worker_that_was_suspended_for_longer_than_its_lease_does_not_call(application, fast_worker):
    now = [0.0]
    application.ctx.leases.monotonic = lambda: now[0]

    def suspend():
        now[0] += 31
        take_over(application, fast_worker)
        fast_worker.run(only="/open_ticket")

    application.answer(application.surveyed(), 2)
    application.desk.raising = [OutcomeUnknown("no answer")]
    application.run(only="/open_ticket")
    application.clock.forward("10s")
    application.desk.before_look = suspend
    with application.ctx.leases.holding("helpdesk/open_ticket"):
        application.run(only="/open_ticket")
    [ticket] = application.deliveries("open_ticket")
    assert (ticket.state, len(application.desk.tickets), len(application.desk.calls)) == ("succeeded", 1, 2)


class HandoverChannel(FakeMailChannel):
    """A mail channel that records the handover; `before_handover` is called once, right before it."""

    before_handover: Callable[[], object] | None = None

    @hookimpl
    def nps_connector(self):
        return super().nps_connector().model_copy(update={"records_handover": True})

    @hookimpl
    def nps_send_messages(self, connection, messages):
        before_handover, self.before_handover = self.before_handover, None
        if before_handover is not None:
            before_handover()
        try:
            connection.record_handover(messages[0].idempotency_key)
        except DeliveryError as error:
            return [error]
        return self._record_call(messages)


def test_a_mail_that_another_worker_took_before_the_handover_is_sent_by_that_one_only(ledger, clock):
    channel = HandoverChannel()
    application = ApplicationHarness(ledger, clock, post=channel)
    other = ApplicationHarness(ledger, ManualClock(clock()), seed=8, post=channel, acme=application.crm)

    def lose_lease():
        take_over(application, other)
        [mail] = application.deliveries("send_survey")
        assert (mail.state, mail.in_doubt) == ("pending", False)
        other.run(only="/send_survey")

    invite(application)
    channel.before_handover = lose_lease
    application.run()
    [mail] = application.deliveries("send_survey")
    assert (mail.state, len(channel.items)) == ("succeeded", 1)


def test_a_mail_is_in_doubt_from_its_handover_on(ledger, clock):
    channel = HandoverChannel()
    application = ApplicationHarness(ledger, clock, post=channel)
    started = []
    channel.before_handover = lambda: started.append(application.deliveries("send_survey")[0].started_at)
    channel.raising = [OutcomeUnknown("no answer")]
    invite(application)
    application.run()
    [mail] = application.deliveries("send_survey")
    assert (started, mail.started_at, mail.first_started_at) == ([None], clock(), clock())
    assert (mail.state, mail.in_doubt) == ("held", True)
