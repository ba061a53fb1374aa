"""A score on another scale than 0 to 10 is kept and shown as it is, and mixed into nothing that is about the NPS."""

from __future__ import annotations

from datetime import UTC

import pytest
from sqlalchemy import update
from support.application import ApplicationHarness
from support.clock import START

from nps_connect.cli.report import _count_responses
from nps_connect.ledger.tables import ResponseRow
from nps_connect.services.operations.simulate import simulate
from nps_connect.services.responses.export import ResponseFilter, export_responses
from nps_connect.services.responses.unconfirmed_scores import count_awaiting_confirmation

FOREIGN = "stars-1-5"
UNHAPPY = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "where": "history.last_score <= 6"}


def foreign(application: ApplicationHarness) -> None:
    """As a later version may store them."""
    with application.ledger.write() as session:
        session.execute(update(ResponseRow).values(scale=FOREIGN))


@pytest.fixture
def answered(application) -> ApplicationHarness:
    """Marie gave five stars last year, and 9 of 10 now."""
    application.answer(application.surveyed(), 5)
    application.run()
    foreign(application)
    application.clock.forward("365d")
    application.answer(application.surveyed(), 9)
    return application


def test_the_report_counts_scores_of_the_nps_only(answered):
    with answered.ledger.read() as session:
        counted = _count_responses(session, None, None, None, latest=False)
    assert counted["after-purchase"] == {"promoters": 1, "passives": 0, "detractors": 0, "provisional": 0}


def test_what_is_written_to_the_crm_tells_of_no_other_score(answered):
    answered.run()
    written = answered.crm.items[-1]
    assert (written.response.score, written.history, written.response_count) == (9, (), 1)


def test_the_ticket_tells_of_no_other_score(application):
    application.answer(application.surveyed(), 5)
    application.run()
    foreign(application)
    application.clock.forward("365d")
    application.answer(application.surveyed(), 3)
    application.run()
    assert application.desk.items[-1].history == ()


def test_the_export_names_the_scale_and_gives_no_segment(answered):
    rows = list(export_responses(answered.ledger, ResponseFilter(), UTC))
    assert [(row["scale"], row["score"], row["segment"]) for row in rows] == [
        (FOREIGN, 5, None),
        ("nps-0-10", 9, "promoter"),
    ]
    assert list(export_responses(answered.ledger, ResponseFilter(scores=(0, 6)), UTC)) == []


def test_filters_of_triggers_see_no_other_score_in_the_walk_and_in_a_simulation(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"triggers": [{**UNHAPPY, "where": "amount >= 0"}]})
    application.answer(_asked(application, "first"), 5)
    foreign(application)
    clock.forward("365d")
    picky = ApplicationHarness(ledger, clock, {"triggers": [UNHAPPY]})
    picky.crm.knows("1", "marie@example.com")
    begun = clock()
    picky.webhook(picky.won("1", deal="second", amount=1))
    picky.run()
    assert [mail.kind for mail in picky.post.items if mail.kind == "survey"] == []
    assert simulate(picky.ctx, begun).reasons == {"filter": 1}
    assert begun > START


def test_an_unconfirmed_score_of_another_scale_makes_nobody_a_detractor(application):
    token = application.surveyed()
    application.clock.forward("1h")
    application.show(token, application.visit("GET", 5))
    foreign(application)
    application.clock.forward("1d")
    application.run()
    assert [mail.kind for mail in application.post.items] == ["survey"]
    with application.ledger.read() as session:
        assert count_awaiting_confirmation(session, application.clock()) == 0


def _asked(application: ApplicationHarness, deal: str) -> str:
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1", deal=deal, amount=1))
    application.run()
    return application.token("marie@example.com")
