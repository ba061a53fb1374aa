"""Visits that come at the same moment are taken together, and each as if it had come alone."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select, update

from nps_connect.ledger.tables import ContactRow, PageViewRow, ResponseRow, RevisionRow
from nps_connect.records.pages import Submission, SurveyPageRequest


def visit(application, token, method="GET", score=None, **press):
    press = Submission(score=score, language="fr", **press) if method == "POST" else None
    return SurveyPageRequest(token, application.visit(method, score), press)


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


def test_presses_of_several_people_are_one_batch_with_all_their_deliveries(application, tokens):
    scores = (10, 8, 2)
    taken = application.backend.record_visits(
        [visit(application, token, "POST", score, is_final=True) for token, score in zip(tokens, scores, strict=True)]
    )
    assert taken == ["answered"] * 3
    assert [row.score for row in rows(application, ResponseRow)] == [10, 8, 2]
    assert [row.revision for row in rows(application, RevisionRow)] == [1, 1, 1]
    planned = [row.action for row in application.deliveries() if row.response_id is not None]
    assert sorted(planned) == sorted(["write_score"] * 3 + ["invite_review"] * 3 + ["open_ticket", "send_alert"])


def test_two_presses_of_one_survey_in_one_batch_contradict_each_other(application, tokens):
    taken = application.backend.record_visits(
        [
            visit(application, tokens[0], "POST", 9),
            visit(application, tokens[1], "POST", 7),
            visit(application, tokens[0], "POST", 3),
        ]
    )
    assert taken == ["answered", "answered", "open"]
    conflicting, other = rows(application, ResponseRow)
    assert conflicting.conflicting_at is not None
    assert other.conflicting_at is None
    application.clock.forward("1h")
    application.run()
    assert len(application.crm.scores) == 1


def test_openings_of_one_batch_show_each_other_as_signs_of_a_machine(application, tokens):
    application.clock.forward("1h")
    application.backend.record_visits([visit(application, tokens[0], score=score) for score in (1, 2)])
    assert [row.bot_signals for row in rows(application, PageViewRow)] == ["several", "several"]
    application.backend.record_visits([visit(application, tokens[0], score=3)])
    assert [row.bot_signals for row in rows(application, PageViewRow)] == ["several"] * 3
    assert [row.provisional_score for row in rows(application, ResponseRow)] == [3]


def test_one_press_that_fails_does_not_fail_the_others(application, tokens):
    with application.ledger.write() as session:
        session.execute(update(ContactRow).where(ContactRow.vendor_id == "2").values(record={"id": "damaged"}))
    first, wrong, third = application.backend.record_visits([visit(application, token, "POST", 9) for token in tokens])
    assert (first, third) == ("answered", "answered")
    assert isinstance(wrong, ValueError)
    assert len(rows(application, ResponseRow)) == len(rows(application, RevisionRow)) == 2


def test_an_opening_and_a_press_at_the_same_moment_make_one_answer(application, tokens):
    start = threading.Barrier(8)
    taken = []

    def come(method, score):
        start.wait(10)
        taken.extend(application.backend.record_visits([visit(application, tokens[0], method, score)]))

    threads = [threading.Thread(target=come, args=("POST" if number % 2 else "GET", 9)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [one for one in taken if isinstance(one, Exception)] == []
    (answer,) = rows(application, ResponseRow)
    assert (answer.revision, answer.score) == (1, 9)
    assert len(rows(application, RevisionRow)) == 1
    assert len(rows(application, PageViewRow)) == 8
