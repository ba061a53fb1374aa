"""Scanners that are not seen by their newest opening alone: nobody is asked to confirm, or named to staff, because of them."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness

from nps_connect.ledger.tables import PageViewRow, ResponseRow
from nps_connect.services.operations.status import load_status, render_metrics
from nps_connect.services.responses.unconfirmed_scores import (
    awaiting_confirmation_clause,
    count_awaiting_confirmation,
    join_response_tables,
    load_bot_signals,
)

QUIET_WEEKEND = {"limits": {"quiet_hours": "off", "quiet_days": ["saturday", "sunday"]}}

Visits = list[tuple[str, str, int | None]]
"""How long after the one before, with which method, which score."""

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


def visited(
    application: ApplicationHarness, visits: Visits, person: str = "1", email: str = "marie@example.com"
) -> str:
    token = application.surveyed(person, email)
    for wait, method, score in visits:
        application.clock.forward(wait)
        application.show(token, application.visit(method, score))
    return token


def listed(application: ApplicationHarness) -> int:
    with application.ledger.read() as session:
        rows = session.execute(
            join_response_tables(select(ResponseRow)).where(awaiting_confirmation_clause(application.clock()))
        ).all()
        assert len(rows) == count_awaiting_confirmation(session, application.clock())
        return len(rows)


@pytest.mark.parametrize("which", SCANNERS)
def test_a_scanner_is_seen_by_all_of_its_visits(application, which):
    visits, signs = SCANNERS[which]
    visited(application, visits)
    with application.ledger.read() as session:
        number = session.execute(select(ResponseRow.invitation_id)).scalar_one()
        assert ",".join(load_bot_signals(session, [number])[number]) == signs
    application.clock.forward("2d")
    assert listed(application) == 0
    application.run()
    assert [mail.kind for mail in application.post.items] == ["survey"]


@pytest.mark.parametrize("which", PEOPLE)
def test_a_person_is_listed_after_a_day_and_asked_once(application, which):
    visited(application, PEOPLE[which])
    application.clock.forward("23h")
    assert listed(application) == 0
    application.clock.forward("1h")
    assert listed(application) == 1
    application.run()
    assert [mail.kind for mail in application.post.items] == ["survey", "reminder"]
    assert listed(application) == 1, "still for staff to look at"
    application.clock.forward("70d")
    assert listed(application) == 0, "the link takes no answer any more"


def test_a_press_takes_somebody_off_the_list(application):
    token = visited(application, PEOPLE["one score"])
    application.clock.forward("1d")
    assert listed(application) == 1
    application.answer(token, 2)
    assert listed(application) == 0


def test_what_a_scanner_does_after_the_mail_was_planned_is_looked_at_before_it_leaves(ledger, clock):
    application = ApplicationHarness(ledger, clock, QUIET_WEEKEND)
    token = visited(application, PEOPLE["one score"])  # on a Friday
    clock.forward("1d")
    application.run()
    application.show(token, application.visit("HEAD", 2))
    clock.forward("2d")
    application.run()
    assert [mail.kind for mail in application.post.items] == ["survey"]
    [row] = application.deliveries("send_reminder")
    assert (row.state, row.last_error) == ("cancelled", "possible bot: asked for the head of the page only")


def test_status_and_metrics_count_who_is_to_confirm(application):
    visited(application, SCANNERS["a head, then the page"][0])
    visited(application, PEOPLE["one score"], "2", "paul@example.com")
    application.clock.forward("1d")
    with application.ledger.read() as session:
        known = load_status(session, application.ctx.settings, application.clock())
    assert known.to_confirm == 1
    assert "nps_connect_to_confirm 1" in render_metrics(known)


def test_a_visit_of_another_page_is_no_sign(application):
    visited(application, PEOPLE["one score"])
    with application.ledger.write() as session:
        row = session.execute(select(PageViewRow)).scalars().first()
        seen = {"invitation_id": row.invitation_id, "method": "HEAD", "at": application.clock(), "bot_signals": "head"}
        session.add(PageViewRow(purpose="unsubscribe", **seen))
    application.clock.forward("1d")
    assert listed(application) == 1
