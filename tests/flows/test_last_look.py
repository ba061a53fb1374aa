"""A ticket whose last try was lost is looked for once more before it is called dead."""

from __future__ import annotations

import pytest
from support.house import House

from nps_connect import Doubtful, RetryLater

ONE_TRY = {"delivery": {"retry": {"open_ticket": {"delays": ["5s"], "total": "1h"}}}}


@pytest.fixture
def house(ledger, clock) -> House:
    house = House(ledger, clock, ONE_TRY)
    house.answer(house.surveyed(), 1)
    return house


def exhaust(house: House) -> None:
    """Both tries of the plan are lost."""
    house.run()
    house.clock.forward("6s")
    house.run()


def test_a_ticket_that_is_there_after_all_has_succeeded_and_nobody_is_alarmed(house):
    house.desk.raising = [Doubtful("no answer")]
    house.desk.lose_answers = 1
    exhaust(house)
    assert house.deliveries("open_ticket")[0].state == "dead"
    house.clock.forward("10m")
    house.run()
    row = house.deliveries("open_ticket")[0]
    assert (row.state, row.doubtful, row.receipt_id) == ("succeeded", False, "found")
    assert len(house.desk.tickets) == 1
    assert house.deliveries("send_fallback") == []


def test_a_ticket_that_is_surely_not_there_stays_dead_and_alarms(house):
    house.desk.raising = [Doubtful("no answer"), Doubtful("no answer")]
    exhaust(house)
    looks = house.desk.looked_for
    house.clock.forward("10m")
    house.run()
    house.clock.forward("10m")
    house.run()
    row = house.deliveries("open_ticket")[0]
    assert (row.state, row.doubtful, house.desk.looked_for) == ("dead", False, looks + 1)
    assert house.desk.tickets == {}
    assert len(house.deliveries("send_fallback")) == 1


def test_what_is_not_doubtful_is_not_looked_for(house):
    house.desk.raising = [RetryLater("down"), RetryLater("down")]
    exhaust(house)
    house.clock.forward("10m")
    house.run()
    assert (house.deliveries("open_ticket")[0].state, house.desk.looked_for) == ("dead", 0)
