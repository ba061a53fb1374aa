"""A score on another scale than 0 to 10 is kept and shown as it is, and mixed into nothing that is about the NPS."""

from __future__ import annotations

from datetime import UTC

import pytest
from sqlalchemy import update
from support.clock import START
from support.house import House

from nps_connect.cli.report import _count
from nps_connect.flows.deciding.simulate import simulate
from nps_connect.flows.responding.exporting import Wanted, export
from nps_connect.flows.responding.unconfirmed import count_to_confirm
from nps_connect.ledger.tables import ResponseRow

FOREIGN = "stars-1-5"
UNHAPPY = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "where": "history.last_score <= 6"}


def foreign(house: House) -> None:
    """As a later version may store them."""
    with house.ledger.write() as session:
        session.execute(update(ResponseRow).values(scale=FOREIGN))


@pytest.fixture
def answered(house) -> House:
    """Marie gave five stars last year, and 9 of 10 now."""
    house.answer(house.surveyed(), 5)
    house.run()
    foreign(house)
    house.clock.forward("365d")
    house.answer(house.surveyed(), 9)
    return house


def test_the_report_counts_scores_of_the_nps_only(answered):
    with answered.ledger.read() as session:
        counted = _count(session, None, None, None, latest=False)
    assert counted["after-purchase"] == {"promoters": 1, "passives": 0, "detractors": 0, "provisional": 0}


def test_what_is_written_to_the_crm_tells_of_no_other_score(answered):
    answered.run()
    written = answered.crm.items[-1]
    assert (written.response.score, written.history, written.response_count) == (9, (), 1)


def test_the_ticket_tells_of_no_other_score(house):
    house.answer(house.surveyed(), 5)
    house.run()
    foreign(house)
    house.clock.forward("365d")
    house.answer(house.surveyed(), 3)
    house.run()
    assert house.desk.items[-1].history == ()


def test_the_export_names_the_scale_and_gives_no_segment(answered):
    rows = list(export(answered.ledger, Wanted(), UTC))
    assert [(row["scale"], row["score"], row["segment"]) for row in rows] == [
        (FOREIGN, 5, None),
        ("nps-0-10", 9, "promoter"),
    ]
    assert list(export(answered.ledger, Wanted(scores=(0, 6)), UTC)) == []


def test_filters_of_triggers_see_no_other_score_in_the_walk_and_in_a_simulation(ledger, clock):
    house = House(ledger, clock, {"triggers": [{**UNHAPPY, "where": "amount >= 0"}]})
    house.answer(_asked(house, "first"), 5)
    foreign(house)
    clock.forward("365d")
    picky = House(ledger, clock, {"triggers": [UNHAPPY]})
    picky.crm.knows("1", "marie@example.com")
    begun = clock()
    picky.webhook(picky.won("1", deal="second", amount=1))
    picky.run()
    assert [mail.kind for mail in picky.post.items if mail.kind == "survey"] == []
    assert simulate(picky.ctx, begun).reasons == {"filter": 1}
    assert begun > START


def test_an_unconfirmed_score_of_another_scale_makes_nobody_a_detractor(house):
    token = house.surveyed()
    house.clock.forward("1h")
    house.show(token, house.visit("GET", 5))
    foreign(house)
    house.clock.forward("1d")
    house.run()
    assert [mail.kind for mail in house.post.items] == ["survey"]
    with house.ledger.read() as session:
        assert count_to_confirm(session, house.clock()) == 0


def _asked(house: House, deal: str) -> str:
    house.crm.knows("1", "marie@example.com")
    house.webhook(house.won("1", deal=deal, amount=1))
    house.run()
    return house.token("marie@example.com")
