"""A score on another scale than 0 to 10 is stored and exported unchanged and never counts for the NPS."""

from __future__ import annotations

from datetime import UTC

import pytest
from sqlalchemy import update
from support.application import ApplicationHarness
from support.clock import START

from nps_connect.ledger.tables import ResponseRow
from nps_connect.services.operations.simulate import simulate
from nps_connect.services.responses.export import export_responses, select_responses
from nps_connect.services.responses.segment_counts import count_responses
from nps_connect.services.responses.unconfirmed_scores import count_awaiting_confirmation

OTHER_SCALE = "stars-1-5"
DETRACTOR_TRIGGER = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "where": "history.last_score <= 6"}


def change_scale(application: ApplicationHarness) -> None:
    """Store all scores on another scale, as a later version may do."""
    with application.ledger.write() as session:
        session.execute(update(ResponseRow).values(scale=OTHER_SCALE))


@pytest.fixture
def responded(application) -> ApplicationHarness:
    """A contact with five stars last year and 9 out of 10 now."""
    application.answer(application.surveyed(), 5)
    application.run()
    change_scale(application)
    application.clock.forward("365d")
    application.answer(application.surveyed(), 9)
    return application


def test_the_report_counts_only_nps_scores(responded):
    with responded.ledger.read() as session:
        counts = count_responses(session, None, None, None, latest=False)
    assert counts["after-purchase"] == {"promoters": 1, "passives": 0, "detractors": 0, "provisional": 0}


def test_the_history_written_to_the_crm_has_no_score_of_another_scale(responded):
    responded.run()
    written = responded.crm.items[-1]
    assert (written.response.score, written.history, written.response_count) == (9, (), 1)


def test_the_history_of_a_ticket_has_no_score_of_another_scale(application):
    application.answer(application.surveyed(), 5)
    application.run()
    change_scale(application)
    application.clock.forward("365d")
    application.answer(application.surveyed(), 3)
    application.run()
    assert application.desk.items[-1].history == ()


def test_the_export_names_the_scale_and_has_no_segment(responded):
    rows = list(export_responses(responded.ledger, select_responses(), UTC))
    assert [(row["scale"], row["score"], row["segment"]) for row in rows] == [
        (OTHER_SCALE, 5, None),
        ("nps-0-10", 9, "promoter"),
    ]
    assert list(export_responses(responded.ledger, select_responses(scores=(0, 6)), UTC)) == []


def test_trigger_filters_ignore_other_scales_in_decisions_and_simulations(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"triggers": [{**DETRACTOR_TRIGGER, "where": "amount >= 0"}]})
    application.answer(_survey(application, "first"), 5)
    change_scale(application)
    clock.forward("365d")
    filtering = ApplicationHarness(ledger, clock, {"triggers": [DETRACTOR_TRIGGER]})
    filtering.crm.knows("1", "marie@example.com")
    started_at = clock()
    filtering.webhook(filtering.won("1", deal="second", amount=1))
    filtering.run()
    assert [mail.kind for mail in filtering.post.items if mail.kind == "survey"] == []
    assert simulate(filtering.ctx, started_at).reasons == {"filter": 1}
    assert started_at > START


def test_an_unconfirmed_score_of_another_scale_is_no_detractor(application):
    token = application.surveyed()
    application.clock.forward("1h")
    application.show(token, application.visit("GET", 5))
    change_scale(application)
    application.clock.forward("1d")
    application.run()
    assert [mail.kind for mail in application.post.items] == ["survey"]
    with application.ledger.read() as session:
        assert count_awaiting_confirmation(session, application.clock()) == 0


def _survey(application: ApplicationHarness, deal: str) -> str:
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1", deal=deal, amount=1))
    application.run()
    return application.token("marie@example.com")
