"""Health: vendors that are down rest, plugins that break their contract are stopped alone, what was refused resumes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from support.house import House
from support.vendors import Crm

from nps_connect import AuthFailed, Doubtful, Finding, Receipt, RetryLater, hookimpl
from nps_connect.flows.minding.health import hung, resume_if_healthy
from nps_connect.ledger import breakers, pauses
from nps_connect.ledger.claims import LEASE


def answered(house, people: int, score: int = 9) -> None:
    for token in [house.surveyed(str(n), f"person{n}@example.com") for n in range(people)]:
        house.answer(token, score)


def stopped(house) -> dict[str, str]:
    with house.ledger.read() as session:
        return {scope: row.cause for scope, row in pauses.current(session).items()}


def broken_until(house, name: str):
    with house.ledger.read() as session:
        return breakers.open_until(session, pauses.of_connection(name))


def test_a_vendor_that_is_down_is_left_alone_and_tried_by_one_call(house, clock):
    answered(house, 8, 0)
    house.desk.raising = [RetryLater("down")] * 6
    house.run(only="open_ticket")
    assert len(house.desk.calls) == 5
    house.clock.forward("3s")
    house.run(only="open_ticket")
    assert len(house.desk.calls) == 5
    house.clock.forward("3s")
    house.run(only="open_ticket")
    assert len(house.desk.calls) == 6, "one goes first, and fails: all rest for longer"
    assert broken_until(house, "helpdesk") == clock.now + timedelta(seconds=15)
    house.clock.forward("15s")
    house.run(only="open_ticket")
    house.clock.forward("1m")
    house.run(only="open_ticket")
    assert {row.state for row in house.deliveries("open_ticket")} == {"succeeded"}
    assert broken_until(house, "helpdesk") is None


def test_failures_that_are_not_in_a_row_open_nothing(house):
    answered(house, 8, 0)
    house.desk.raising = [RetryLater("down"), RetryLater("down"), None] * 2
    house.run(only="open_ticket")
    assert broken_until(house, "helpdesk") is None
    assert len(house.desk.calls) == 8


def test_a_crm_that_is_down_does_not_make_the_mail_rest(house):
    house.crm.knows("1", "marie@example.com")
    house.webhook(house.won("1"))
    house.run()
    house.clock.forward("3d")
    house.crm.looking = [RetryLater("down", connection="crm")] * 9
    for _ in range(7):
        house.run(only="send_survey")
        house.clock.forward("3h")
    assert broken_until(house, "mail") is None


def test_another_deliverys_receipt_is_held_and_named(house):
    house.desk._called = lambda drafts: [Receipt(id="ticket-1") for _ in drafts]
    answered(house, 2, 0)
    house.run(only="open_ticket")
    first, second = house.deliveries("open_ticket")
    assert (first.state, second.state) == ("succeeded", "held")
    assert "receipt of another delivery" in second.hold
    assert "'desk'" in second.last_error


def test_a_plugin_that_breaks_its_contract_again_and_again_has_its_lane_stopped(house):
    house.crm._called = lambda updates: []
    answered(house, 1)
    for _ in range(4):
        house.run(only="write_score")
        house.clock.forward("1h")
    assert stopped(house) == {"lane:crm/write_score": "plugin"}


def test_a_lane_that_hangs_twice_is_stopped(house):
    hung(house.ctx, "crm/write_score")
    assert stopped(house) == {}
    hung(house.ctx, "crm/write_score")
    assert stopped(house) == {"lane:crm/write_score": "plugin"}


def test_a_bug_in_the_middle_of_a_mail_holds_it(house):
    house.crm.knows("1", "marie@example.com")
    house.webhook(house.won("1"))
    house.run()
    house.post.raising = [ZeroDivisionError("after the last dot")]
    house.clock.forward("3d")
    house.run()
    row = house.deliveries("send_survey")[0]
    assert (row.state, row.hold, len(house.post.calls)) == ("held", "it may have been sent already", 1)


def test_a_damaged_row_goes_dead_alone(house):
    answered(house, 2, 0)
    if not house.ledger.is_sqlite:
        return  # there the column takes nothing but JSON
    damaged = house.deliveries("open_ticket")[0].id
    with house.ledger.engine.begin() as connection:
        connection.execute(text("UPDATE deliveries SET payload = '{broken' WHERE id = :id"), {"id": damaged})
    house.run(only="open_ticket")
    with house.ledger.engine.connect() as connection:
        states = dict(connection.execute(text("SELECT id, state FROM deliveries WHERE action = 'open_ticket'")).all())
    assert states.pop(damaged) == "dead"
    assert set(states.values()) == {"succeeded"}


class CheckedCrm(Crm):
    well = False

    @hookimpl
    def nps_check(self, connection):
        return [Finding(severity="ok" if self.well else "error", text="the token", fix="renew it")]


def test_a_refused_connection_goes_on_when_its_check_passes(ledger, clock):
    crm = CheckedCrm()
    house = House(ledger, clock, acme=crm)
    house.crm = crm
    answered(house, 1)
    crm.raising = [AuthFailed("expired", connection="crm")]
    house.run()
    assert stopped(house) == {"connection:crm": "auth"}
    assert resume_if_healthy(house.ctx, "crm") == []
    house.clock.forward("10m")
    house.run()
    assert house.deliveries("write_score")[0].state == "pending"
    crm.well = True
    house.clock.forward("10m")
    house.run()
    assert stopped(house) == {}
    assert house.deliveries("write_score")[0].state == "succeeded"


def test_two_updates_of_one_person_go_one_after_the_other(house):
    token = house.surveyed()
    house.answer(token, 3)
    house.run()
    house.clock.forward("1m")
    house.answer(token, 4, "worse")
    house.clock.forward("1m")
    house.answer(token, 5, "better")
    house.clock.forward("1h")
    house.run()
    scores = [update.response.score for update in house.desk.updates]
    assert scores
    assert scores == sorted(scores)


def test_an_outcome_is_not_lost_to_a_database_that_is_away_for_a_moment(house, monkeypatch):
    from sqlalchemy.exc import OperationalError

    from nps_connect.flows.delivering import deliver

    whole, failures = deliver.settle_batch, [OperationalError("COMMIT", {}, Exception("gone"))] * 2

    def settle(*args, **more):
        if failures:
            raise failures.pop()
        return whole(*args, **more)

    monkeypatch.setattr(deliver, "settle_batch", settle)
    answered(house, 1, 0)
    house.run(only="open_ticket")
    assert house.deliveries("open_ticket")[0].state == "succeeded"
    assert (len(house.desk.calls), LEASE.total_seconds()) == (1, 30)


@pytest.mark.parametrize("error", [Doubtful("no answer"), RetryLater("down")])
def test_the_retry_plan_is_a_setting(ledger, clock, error):
    house = House(
        ledger, clock, {"delivery": {"retry": {"open_ticket": {"delays": ["10s"], "jitter": 0.0, "total": "1h"}}}}
    )
    answered(house, 1, 0)
    house.desk.raising = [error] * 9
    house.desk.nps_find_existing = None
    house.run(only="open_ticket")
    assert house.deliveries("open_ticket")[0].due_at == clock.now + timedelta(seconds=10)
    house.clock.forward("10s")
    house.run(only="open_ticket")
    assert house.deliveries("open_ticket")[0].state == "dead"
