"""Outcomes: what each error means for its delivery."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from nps_connect import NotAllowed, OutcomeUnknown, RateLimited, Receipt, Rejected, RetryLater, TargetGone
from nps_connect.ledger import claims
from nps_connect.ledger.tables import AttemptRow, DeliveryRow
from nps_connect.records.actions import HoldCode
from nps_connect.services.deliveries.in_doubt import recover


def attempts(application) -> list[str]:
    with application.ledger.read() as session:
        return list(session.execute(select(AttemptRow.outcome).order_by(AttemptRow.id)).scalars())


def detractor(application, *errors: Exception) -> str:
    token = application.surveyed()
    application.desk.raising = list(errors)
    application.answer(token, 1)
    application.run(only="open_ticket")
    return token


def test_an_unavailable_vendor_is_retried_by_the_plan(application):
    detractor(application, RetryLater("down"), RetryLater("down"))
    application.clock.forward("10s")
    application.run(only="open_ticket")
    application.clock.forward("30s")
    application.run(only="open_ticket")
    row = application.deliveries("open_ticket")[0]
    assert (row.state, row.attempts) == ("succeeded", 2)
    assert attempts(application) == ["succeeded", "retry_later", "retry_later", "succeeded"]


def test_a_rate_limit_pauses_the_queue_and_uses_no_attempt(application, clock):
    token = application.surveyed()
    application.crm.raising = [RateLimited("slow down", until=clock.now + timedelta(minutes=5))]
    application.answer(token, 9)
    application.run()
    row = application.deliveries("write_score")[0]
    assert (row.state, row.attempts, len(application.crm.calls)) == ("pending", 0, 1)
    application.clock.forward("4m")
    application.run()
    assert len(application.crm.calls) == 1
    application.clock.forward("1m")
    application.run()
    assert application.crm.scores == {"1": 9}


def test_a_ticket_with_a_lost_response_is_looked_up_and_not_opened_again(application):
    application.desk.lose_answers = 1
    detractor(application)
    assert (application.deliveries("open_ticket")[0].in_doubt, len(application.desk.tickets)) == (True, 1)
    application.clock.forward("10s")
    application.run()
    row = application.deliveries("open_ticket")[0]
    assert (row.state, row.receipt_id, application.desk.looked_for) == ("succeeded", "found", 1)
    assert len(application.desk.tickets) == 1


def test_a_ticket_in_doubt_is_opened_if_the_lookup_finds_none(application):
    detractor(application, OutcomeUnknown("no answer"))
    application.clock.forward("10s")
    application.run()
    assert (len(application.desk.tickets), application.desk.looked_for) == (1, 1)
    assert application.deliveries("open_ticket")[0].state == "succeeded"


def test_customer_mail_in_doubt_is_held_and_not_resent(application):
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.post.raising = [OutcomeUnknown("lost after the final dot")]
    application.clock.forward("3d")
    application.run()
    application.clock.forward("30d")
    application.run()
    row = application.deliveries("send_survey")[0]
    assert (row.state, row.hold_code, len(application.post.calls)) == ("held", HoldCode.IN_DOUBT, 1)


@pytest.mark.parametrize(
    ("error", "state"),
    [(Rejected("bad field"), "dead"), (TargetGone("no such contact"), "skipped")],
)
def test_permanent_errors_end_without_a_retry(application, error, state):
    token = application.surveyed()
    application.crm.raising = [error]
    application.answer(token, 9)
    application.run()
    assert application.deliveries("write_score")[0].state == state


def test_a_403_pauses_only_its_action(application):
    token = application.surveyed()
    application.crm.raising = [NotAllowed("no", scope="contacts.write")]
    application.answer(token, 9)
    application.run()
    application.backend.unsubscribe(application.token("marie@example.com", "u"))
    application.run()
    assert application.deliveries("write_score")[0].state == "pending"
    assert len(application.crm.opt_outs) == 1
    with application.ledger.read() as session:
        from nps_connect.ledger import pauses

        stopped = pauses.load_pauses(session)
    assert "contacts.write" in stopped["queue:crm/write_score"].reason


def test_a_plugin_bug_is_retried_twice_and_then_dead_with_its_traceback(application):
    token = application.surveyed()
    application.crm.raising = [ZeroDivisionError("a bug")] * 5
    application.answer(token, 9)
    for _ in range(5):
        application.run()
        application.clock.forward("1m")
    row = application.deliveries("write_score")[0]
    assert (row.state, len(application.crm.calls)) == ("dead", 3)
    assert "ZeroDivisionError: a bug" in row.last_error


def test_a_rejected_item_does_not_block_its_batch(application):
    tokens = [application.surveyed(str(n), f"person{n}@example.com") for n in range(3)]
    bad = application.crm.people["1"]

    def outcomes(updates):
        return [Rejected("bad") if update.contact.id == bad.id else Receipt(id="ok") for update in updates]

    application.crm._record_call = outcomes
    for token in tokens:
        application.answer(token, 9)
    application.run()
    assert sorted(row.state for row in application.deliveries("write_score")) == ["dead", "succeeded", "succeeded"]


def test_a_missing_outcome_retries_the_whole_batch(application):
    tokens = [application.surveyed(str(n), f"person{n}@example.com") for n in range(2)]
    application.crm._record_call = lambda updates: []
    for token in tokens:
        application.answer(token, 9)
    application.run()
    assert {(row.state, row.error_kind) for row in application.deliveries("write_score")} == {("pending", "plugin")}


def test_a_dead_ticket_alarms_the_fallback_address_repeatedly(application):
    detractor(application, *[Rejected("the requester is suspended")] * 9)
    application.run()
    assert application.deliveries("open_ticket")[0].state == "dead"
    application.clock.forward("5m")
    application.run()
    first = application.post.sent("fallback")
    assert [mail.to.email for mail in first] == ["care@example.com"]
    assert f"nps-connect deliveries retry {application.deliveries('open_ticket')[0].id}" in first[0].text
    application.clock.forward("10m")
    application.run()
    assert len(application.post.sent("fallback")) == 1
    application.clock.forward("1h")
    application.run()
    assert len(application.post.sent("fallback")) == 2


def test_after_a_crash_only_started_deliveries_are_in_doubt(application):
    tokens = [application.surveyed(str(n), f"person{n}@example.com") for n in range(2)]
    for token in tokens:
        application.answer(token, 0)
    with application.ledger.write() as session:
        started, _ = claims.claim(
            session, DeliveryRow, "helpdesk/open_ticket", token="dead", now=application.clock(), limit=5
        )
        claims.start(session, DeliveryRow, [started.id], token="dead", now=application.clock())
    recover(application.ctx, after_restart=True)
    assert [row.in_doubt for row in application.deliveries("open_ticket")] == [True, False]
    application.run()
    assert (len(application.desk.tickets), application.desk.looked_for) == (2, 1)


def test_after_a_crash_during_customer_mail_the_delivery_is_held(application):
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    with application.ledger.write() as session:
        rows = claims.claim(session, DeliveryRow, "mail/send_survey", token="dead", now=application.clock(), limit=5)
        claims.start(session, DeliveryRow, [rows[0].id], token="dead", now=application.clock())
    application.clock.forward("1h")
    recover(application.ctx, after_restart=False)
    application.run()
    assert application.deliveries("send_survey")[0].state == "held"
    assert application.post.calls == []
