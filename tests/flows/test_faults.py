"""Outcomes: what each failure means for its delivery. Nothing is lost and nothing happens twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from nps_connect import Doubtful, NotAllowed, RateLimited, Receipt, Rejected, RetryLater, TargetGone
from nps_connect.flows.delivering.recover import recover
from nps_connect.ledger import claims
from nps_connect.ledger.tables import AttemptRow, DeliveryRow


def attempts(house) -> list[str]:
    with house.ledger.read() as session:
        return list(session.execute(select(AttemptRow.outcome).order_by(AttemptRow.id)).scalars())


def detractor(house, *errors: Exception) -> str:
    token = house.surveyed()
    house.desk.raising = list(errors)
    house.answer(token, 1)
    house.run(only="open_ticket")
    return token


def test_a_vendor_that_is_down_is_tried_again_by_the_plan(house):
    detractor(house, RetryLater("down"), RetryLater("down"))
    house.clock.forward("10s")
    house.run(only="open_ticket")
    house.clock.forward("30s")
    house.run(only="open_ticket")
    row = house.deliveries("open_ticket")[0]
    assert (row.state, row.attempts) == ("succeeded", 2)
    assert attempts(house) == ["succeeded", "retry_later", "retry_later", "succeeded"]


def test_a_rate_limit_rests_the_lane_and_uses_up_no_attempt(house, clock):
    token = house.surveyed()
    house.crm.raising = [RateLimited("slow down", until=clock.now + timedelta(minutes=5))]
    house.answer(token, 9)
    house.run()
    row = house.deliveries("write_score")[0]
    assert (row.state, row.attempts, len(house.crm.calls)) == ("pending", 0, 1)
    house.clock.forward("4m")
    house.run()
    assert len(house.crm.calls) == 1
    house.clock.forward("1m")
    house.run()
    assert house.crm.scores == {"1": 9}


def test_a_lost_answer_to_an_opened_ticket_is_looked_for_and_never_opened_again(house):
    house.desk.lose_answers = 1
    detractor(house)
    assert (house.deliveries("open_ticket")[0].doubtful, len(house.desk.tickets)) == (True, 1)
    house.clock.forward("10s")
    house.run()
    row = house.deliveries("open_ticket")[0]
    assert (row.state, row.receipt_id, house.desk.looked_for) == ("succeeded", "found", 1)
    assert len(house.desk.tickets) == 1


def test_a_doubtful_ticket_that_was_not_opened_is_opened_after_looking(house):
    detractor(house, Doubtful("no answer"))
    house.clock.forward("10s")
    house.run()
    assert (len(house.desk.tickets), house.desk.looked_for) == (1, 1)
    assert house.deliveries("open_ticket")[0].state == "succeeded"


def test_doubtful_customer_mail_is_held_and_never_sent_again_by_itself(house):
    house.crm.knows("1", "marie@example.com")
    house.webhook(house.won("1"))
    house.run()
    house.post.raising = [Doubtful("lost after the final dot")]
    house.clock.forward("3d")
    house.run()
    house.clock.forward("30d")
    house.run()
    row = house.deliveries("send_survey")[0]
    assert (row.state, row.hold, len(house.post.calls)) == ("held", "it may have been sent already", 1)


@pytest.mark.parametrize(
    ("error", "state"),
    [(Rejected("bad field"), "dead"), (TargetGone("no such contact"), "skipped")],
)
def test_what_can_never_succeed_ends_at_once(house, error, state):
    token = house.surveyed()
    house.crm.raising = [error]
    house.answer(token, 9)
    house.run()
    assert house.deliveries("write_score")[0].state == state


def test_a_403_stops_the_action_only(house):
    token = house.surveyed()
    house.crm.raising = [NotAllowed("no", scope="contacts.write")]
    house.answer(token, 9)
    house.run()
    house.doors.unsubscribe(house.token("marie@example.com", "u"))
    house.run()
    assert house.deliveries("write_score")[0].state == "pending"
    assert len(house.crm.opt_outs) == 1
    with house.ledger.read() as session:
        from nps_connect.ledger import pauses

        stopped = pauses.current(session)
    assert "contacts.write" in stopped["lane:crm/write_score"].reason


def test_a_bug_in_a_plugin_is_tried_three_times_and_then_dead_with_its_traceback(house):
    token = house.surveyed()
    house.crm.raising = [ZeroDivisionError("a bug")] * 5
    house.answer(token, 9)
    for _ in range(5):
        house.run()
        house.clock.forward("1m")
    row = house.deliveries("write_score")[0]
    assert (row.state, len(house.crm.calls)) == ("dead", 3)
    assert "ZeroDivisionError: a bug" in row.last_error


def test_one_bad_item_does_not_block_the_batch(house):
    tokens = [house.surveyed(str(n), f"person{n}@example.com") for n in range(3)]
    bad = house.crm.people["1"]

    def outcomes(updates):
        return [Rejected("bad") if update.contact.id == bad.id else Receipt(id="ok") for update in updates]

    house.crm._called = outcomes
    for token in tokens:
        house.answer(token, 9)
    house.run()
    assert sorted(row.state for row in house.deliveries("write_score")) == ["dead", "succeeded", "succeeded"]


def test_too_few_outcomes_make_the_whole_batch_doubtful(house):
    tokens = [house.surveyed(str(n), f"person{n}@example.com") for n in range(2)]
    house.crm._called = lambda updates: []
    for token in tokens:
        house.answer(token, 9)
    house.run()
    assert {(row.state, row.error_kind) for row in house.deliveries("write_score")} == {("pending", "plugin")}


def test_a_ticket_that_cannot_be_opened_reaches_the_fallback_address_again_and_again(house):
    detractor(house, *[Rejected("the requester is suspended")] * 9)
    house.run()
    assert house.deliveries("open_ticket")[0].state == "dead"
    house.clock.forward("5m")
    house.run()
    first = house.post.sent("fallback")
    assert [mail.to.email for mail in first] == ["care@example.com"]
    assert "suspended" in first[0].text
    house.clock.forward("10m")
    house.run()
    assert len(house.post.sent("fallback")) == 1
    house.clock.forward("1h")
    house.run()
    assert len(house.post.sent("fallback")) == 2


def test_after_a_crash_only_started_rows_are_doubtful(house):
    tokens = [house.surveyed(str(n), f"person{n}@example.com") for n in range(2)]
    for token in tokens:
        house.answer(token, 0)
    with house.ledger.write() as session:
        one, _ = claims.claim(session, DeliveryRow, "helpdesk/open_ticket", token="dead", now=house.clock(), limit=5)
        claims.start(session, DeliveryRow, [one.id], token="dead", now=house.clock())
    recover(house.ctx, after_restart=True)
    assert [row.doubtful for row in house.deliveries("open_ticket")] == [True, False]
    house.run()
    assert (len(house.desk.tickets), house.desk.looked_for) == (2, 1)


def test_after_a_crash_in_the_middle_of_a_mail_it_is_held(house):
    house.crm.knows("1", "marie@example.com")
    house.webhook(house.won("1"))
    house.run()
    house.clock.forward("3d")
    with house.ledger.write() as session:
        rows = claims.claim(session, DeliveryRow, "mail/send_survey", token="dead", now=house.clock(), limit=5)
        claims.start(session, DeliveryRow, [rows[0].id], token="dead", now=house.clock())
    house.clock.forward("1h")
    recover(house.ctx, after_restart=False)
    house.run()
    assert house.deliveries("send_survey")[0].state == "held"
    assert house.post.calls == []
