"""Scanners that only several page views reveal: they cause no confirmation mail and no entry for staff."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness

from nps_connect.ledger.tables import PageViewRow, ResponseRow
from nps_connect.services.operations.metrics import render_metrics
from nps_connect.services.operations.status import load_status
from nps_connect.services.responses.unconfirmed_scores import (
    awaiting_confirmation_clause,
    count_awaiting_confirmation,
    join_response_tables,
    load_bot_signals,
)

QUIET_WEEKEND = {"limits": {"quiet_hours": "off", "quiet_days": ["saturday", "sunday"]}}

Visits = list[tuple[str, str, int | None]]
"""Delay since the previous visit, method and score of each."""

SCANNERS: dict[str, tuple[Visits, str]] = {
    "a head, then the page": ([("1h", "HEAD", 0), ("30s", "GET", 0)], "head"),
    "eleven scores, one every 30 seconds": ([("30s", "GET", score) for score in range(10, -1, -1)], "many"),
    "a sweep at delivery, and one more look a minute later": (
        [*(("0s", "GET", score) for score in range(11)), ("1m", "GET", 0)],
        "fast,several,many",
    ),
    "one score at delivery, and again an hour later": ([("4s", "GET", 0), ("1h", "GET", 0)], "fast"),
}
PEOPLE: dict[str, Visits] = {
    "one score": [("1h", "GET", 2)],
    "one score, again in the evening": [("1h", "GET", 2), ("9h", "GET", 2)],
    "a change of mind": [("1h", "GET", 4), ("1m", "GET", 2)],
}


def visit_page(
    application: ApplicationHarness, visits: Visits, person: str = "1", email: str = "marie@example.com"
) -> str:
    token = application.surveyed(person, email)
    for wait, method, score in visits:
        application.clock.forward(wait)
        application.show(token, application.visit(method, score))
    return token


def count_listed(application: ApplicationHarness) -> int:
    with application.ledger.read() as session:
        rows = session.execute(
            join_response_tables(select(ResponseRow)).where(awaiting_confirmation_clause(application.clock()))
        ).all()
        assert len(rows) == count_awaiting_confirmation(session, application.clock())
        return len(rows)


@pytest.mark.parametrize("which", SCANNERS)
def test_a_scanner_is_detected_by_all_of_its_visits(application, which):
    visits, signals = SCANNERS[which]
    visit_page(application, visits)
    with application.ledger.read() as session:
        invitation_id = session.execute(select(ResponseRow.invitation_id)).scalar_one()
        assert ",".join(load_bot_signals(session, [invitation_id])[invitation_id]) == signals
    application.clock.forward("2d")
    assert count_listed(application) == 0
    application.run()
    assert [mail.kind for mail in application.post.items] == ["survey"]


@pytest.mark.parametrize("which", PEOPLE)
def test_a_person_is_listed_after_a_day_and_asked_once(application, which):
    visit_page(application, PEOPLE[which])
    application.clock.forward("23h")
    assert count_listed(application) == 0
    application.clock.forward("1h")
    assert count_listed(application) == 1
    application.run()
    assert [mail.kind for mail in application.post.items] == ["survey", "reminder"]
    assert count_listed(application) == 1, "still listed for staff"
    application.clock.forward("70d")
    assert count_listed(application) == 0, "the link has expired"


def test_a_submission_removes_a_response_from_the_list(application):
    token = visit_page(application, PEOPLE["one score"])
    application.clock.forward("1d")
    assert count_listed(application) == 1
    application.answer(token, 2)
    assert count_listed(application) == 0


def test_bot_signals_after_planning_cancel_the_confirmation_mail(ledger, clock):
    application = ApplicationHarness(ledger, clock, QUIET_WEEKEND)
    token = visit_page(application, PEOPLE["one score"])  # on a Friday
    clock.forward("1d")
    application.run()
    application.show(token, application.visit("HEAD", 2))
    clock.forward("2d")
    application.run()
    assert [mail.kind for mail in application.post.items] == ["survey"]
    [row] = application.deliveries("send_reminder")
    assert (row.state, row.last_error) == ("cancelled", "possible bot: requested the headers of the page only (HEAD)")


def test_status_and_metrics_count_responses_to_confirm(application):
    visit_page(application, SCANNERS["a head, then the page"][0])
    visit_page(application, PEOPLE["one score"], "2", "paul@example.com")
    application.clock.forward("1d")
    with application.ledger.read() as session:
        status = load_status(session, application.ctx.settings, application.clock())
    assert status.to_confirm == 1
    assert "nps_connect_to_confirm 1" in render_metrics(status)


def test_a_visit_of_another_page_is_no_bot_signal(application):
    visit_page(application, PEOPLE["one score"])
    with application.ledger.write() as session:
        row = session.execute(select(PageViewRow)).scalars().first()
        visit = {"invitation_id": row.invitation_id, "method": "HEAD", "at": application.clock(), "bot_signals": "head"}
        session.add(PageViewRow(purpose="unsubscribe", **visit))
    application.clock.forward("1d")
    assert count_listed(application) == 1
