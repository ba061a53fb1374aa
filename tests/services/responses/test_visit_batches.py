"""Visits processed in one batch have the same results as one by one."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select, update

from nps_connect.ledger.tables import ContactRow, PageViewRow, ResponseRow, RevisionRow
from nps_connect.records.pages import Submission, SurveyPageRequest
from nps_connect.services.deliveries.factory import delivery_key
from nps_connect.services.responses.page_views import MAX_PAGE_VIEWS, MAX_SUBMISSION_VIEWS
from nps_connect.services.responses.submissions import MAX_REVISIONS


def visit(application, token, method="GET", score=None, **fields):
    submission = Submission(score=score, language="fr", **fields) if method == "POST" else None
    return SurveyPageRequest(token, application.visit(method, score), submission)


def rows(application, table):
    with application.ledger.read() as session:
        return list(session.execute(select(table).order_by(table.id)).scalars())


@pytest.fixture
def tokens(application):
    people = [(str(number), f"p{number}@example.com") for number in range(1, 4)]
    for person, email in people:
        application.crm.knows(person, email)
        application.webhook(application.won(person))
    application.run()
    application.clock.forward("3d")
    application.run()
    return [application.token(email) for _, email in people]


def test_a_batch_of_submissions_plans_the_deliveries_of_each(application, tokens):
    scores = (10, 8, 2)
    outcomes = application.backend.record_visits(
        [visit(application, token, "POST", score, is_final=True) for token, score in zip(tokens, scores, strict=True)]
    )
    assert outcomes == ["answered"] * 3
    assert [row.score for row in rows(application, ResponseRow)] == [10, 8, 2]
    assert [row.revision for row in rows(application, RevisionRow)] == [1, 1, 1]
    planned = [row.action for row in application.deliveries() if row.response_id is not None]
    assert sorted(planned) == sorted(["write_score"] * 3 + ["invite_review"] * 3 + ["open_ticket", "send_alert"])


def test_two_submissions_of_one_survey_in_a_batch_conflict(application, tokens):
    outcomes = application.backend.record_visits(
        [
            visit(application, tokens[0], "POST", 9),
            visit(application, tokens[1], "POST", 7),
            visit(application, tokens[0], "POST", 3),
        ]
    )
    assert outcomes == ["answered", "answered", "open"]
    conflicting, other = rows(application, ResponseRow)
    assert conflicting.conflicting_at is not None
    assert other.conflicting_at is None
    application.clock.forward("1h")
    application.run()
    assert len(application.crm.scores) == 1


def test_views_of_one_batch_give_each_other_bot_signals(application, tokens):
    application.clock.forward("1h")
    application.backend.record_visits([visit(application, tokens[0], score=score) for score in (1, 2)])
    assert [row.bot_signals for row in rows(application, PageViewRow)] == ["several", "several"]
    application.backend.record_visits([visit(application, tokens[0], score=3)])
    assert [row.bot_signals for row in rows(application, PageViewRow)] == ["several"] * 3
    assert [row.provisional_score for row in rows(application, ResponseRow)] == [3]


def test_a_view_and_a_submission_in_one_batch_share_the_response_and_its_public_id(application, tokens):
    application.backend.record_visits(
        [visit(application, tokens[0], score=9), visit(application, tokens[0], "POST", 9, is_final=True)]
    )
    (response,) = rows(application, ResponseRow)
    assert (response.revision, response.provisional_score, response.score) == (1, 9, 9)
    [delivery] = application.deliveries("write_score")
    assert (delivery.response_id, delivery.revision) == (response.id, 1)
    key = delivery_key(action="write_score", subject=response.public_id, revision=1, route=delivery.connection)
    assert delivery.key == key


def test_a_failing_submission_does_not_fail_the_others(application, tokens):
    with application.ledger.write() as session:
        session.execute(update(ContactRow).where(ContactRow.vendor_id == "2").values(record={"id": "damaged"}))
    first, failed, third = application.backend.record_visits([visit(application, token, "POST", 9) for token in tokens])
    assert (first, third) == ("answered", "answered")
    assert isinstance(failed, ValueError)
    assert len(rows(application, ResponseRow)) == len(rows(application, RevisionRow)) == 2


def test_concurrent_views_and_submissions_store_one_response(application, tokens):
    start = threading.Barrier(8)
    outcomes = []

    def send(method, score):
        start.wait(10)
        outcomes.extend(application.backend.record_visits([visit(application, tokens[0], method, score)]))

    threads = [threading.Thread(target=send, args=("POST" if number % 2 else "GET", 9)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    (response,) = rows(application, ResponseRow)
    assert (response.revision, response.score) == (1, 9)
    assert len(rows(application, RevisionRow)) == 1
    assert len(rows(application, PageViewRow)) == 8


def test_page_views_of_a_link_are_stored_up_to_a_limit_and_those_of_others_go_on(application, tokens):
    for _ in range(2):
        application.backend.record_visits([visit(application, tokens[0]) for _ in range(150)])
    application.backend.record_visits([visit(application, tokens[1])])
    assert len(rows(application, PageViewRow)) == MAX_PAGE_VIEWS + 1


def test_a_submission_is_accepted_and_stored_after_too_many_page_views(application, tokens):
    application.backend.record_visits([visit(application, tokens[0]) for _ in range(MAX_PAGE_VIEWS + 10)])
    assert application.backend.record_visits([visit(application, tokens[0], "POST", 9)]) == ["answered"]
    assert [row.score for row in rows(application, PageViewRow) if row.method == "POST"] == [9]


def test_submissions_of_a_link_are_stored_up_to_a_limit(application, tokens):
    application.backend.record_visits([visit(application, tokens[0]) for _ in range(MAX_PAGE_VIEWS)])
    for _ in range(MAX_SUBMISSION_VIEWS + 5):
        application.backend.record_visits([visit(application, tokens[0], "POST", 9)])
    assert len(rows(application, PageViewRow)) == MAX_PAGE_VIEWS + MAX_SUBMISSION_VIEWS


def test_a_response_has_a_limited_number_of_revisions(application, tokens):
    for number in range(MAX_REVISIONS + 5):
        application.clock.forward("1h")
        outcomes = application.backend.record_visits([visit(application, tokens[0], "POST", 9, comment=f"{number}")])
        assert outcomes == ["answered"]
    [response] = rows(application, ResponseRow)
    assert (response.revision, response.comment) == (MAX_REVISIONS, f"{MAX_REVISIONS - 1}")
    assert len(rows(application, RevisionRow)) == MAX_REVISIONS
