"""Review invitations: everybody is asked once per platform, promoters first, and every link is counted."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.review_scenarios import QUIET_LIMITS, TWO_PLATFORMS, review_mails, review_report, solve_case

from nps_connect.ledger.tables import PageViewRow
from nps_connect.records.actions import HoldCode
from nps_connect.services.operations.status import load_status
from nps_connect.services.reviews.review_links import MAX_VISITS


def test_every_score_gets_the_same_link_on_the_page_and_in_one_mail(application):
    targets, subjects = set(), {}
    for score in (10, 7, 2):
        email = f"p{score}@example.com"
        page = application.answer(application.surveyed(str(score), email), score)
        targets.add(application.backend.resolve_review_link(application.review_token(page), application.visit()))
        application.run()
    application.clock.forward("14d")
    application.run()
    assert len(review_mails(application)) == 3
    for mail in review_mails(application):
        subjects[mail.to.email] = mail.subject
        targets.add(application.backend.resolve_review_link(application.token(mail.to.email, "r"), application.visit()))
    assert targets == {"https://stars.example.com/write"}
    assert subjects["p7@example.com"] == subjects["p2@example.com"] != subjects["p10@example.com"]


def test_a_platform_is_in_use_once_somebody_was_invited_there(application):
    def state():
        with application.ledger.read() as session:
            return load_status(session, application.ctx.settings, application.clock()).connections["stars"].state

    application.answer(application.surveyed(), 10)
    assert state() == "unused"
    application.clock.forward("3d")
    application.run()
    assert len(review_mails(application)) == 1
    assert state() == "ok"


def test_the_mail_waits_until_the_ticket_is_solved(application):
    application.answer(application.surveyed(), 2)
    application.run()
    application.clock.forward("5d")
    application.run()
    [row] = application.deliveries("invite_review")
    assert (row.state, row.hold_code) == ("pending", HoldCode.TICKET_OPEN)
    solve_case(application)
    application.clock.forward("1d")
    application.run()
    assert len(review_mails(application)) == 1


def test_the_mail_waits_for_a_ticket_fourteen_days_at_most(application):
    application.answer(application.surveyed(), 2)
    application.run()
    application.clock.forward(timedelta(days=14) - timedelta(minutes=1))
    application.run()
    assert review_mails(application) == []
    application.clock.forward("1m")
    application.run()
    assert len(review_mails(application)) == 1


def test_a_ticket_of_another_survey_delays_the_mail_too(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"limits": {"cooldown": "1d"}})
    application.answer(application.surveyed(), 1)
    application.run()
    application.answer(application.surveyed(), 10)
    application.run()
    application.clock.forward("3h")
    application.run()
    assert review_mails(application) == []


def test_no_mail_in_quiet_hours_of_the_customers_time_zone(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"limits": QUIET_LIMITS})
    tokens = [
        application.surveyed("1", "paris@example.com"),
        application.surveyed("2", "tokyo@example.com", timezone="Asia/Tokyo"),
    ]
    for token in tokens:
        application.answer(token, 10)
    application.clock.now = max(row.due_at for row in application.deliveries("invite_review"))
    application.run(only="invite_review")
    first, second = application.deliveries("invite_review")
    assert first.state == "succeeded", "it is noon on a Monday in Paris"
    assert (second.state, second.hold_code) == ("pending", HoldCode.QUIET_HOURS)
    assert second.due_at.astimezone(ZoneInfo("Asia/Tokyo")).hour == 8


def test_a_mail_due_at_night_waits_for_the_morning(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"limits": QUIET_LIMITS})
    application.crm.knows("1", "marie@example.com")
    application.answer(application.surveyed(), 10)
    clock.now = application.deliveries("invite_review")[0].due_at.replace(hour=22)
    application.run()
    [row] = application.deliveries("invite_review")
    assert (row.state, row.hold_code) == ("pending", HoldCode.QUIET_HOURS)
    assert row.due_at > application.clock()
    application.clock.now = row.due_at
    application.run()
    assert len(review_mails(application)) == 1


def test_nobody_is_asked_twice_for_a_platform_nor_within_the_cooldown_for_another(ledger, clock):
    application = ApplicationHarness(ledger, clock, TWO_PLATFORMS)
    counts, platforms = [], set()
    for wait in ("200d", "200d", "200d"):
        application.answer(application.surveyed(), 10)
        application.run()
        sent = [row for row in application.deliveries("invite_review") if row.state == "succeeded"]
        platforms |= {row.options["platform"] for row in sent}
        application.clock.forward(wait)
        counts.append(len(review_mails(application)))
    assert counts == [1, 2, 2]
    assert platforms == {"stars", "other"}
    assert "nobody is asked twice" in application.deliveries("invite_review")[-1].last_error


def test_a_second_mail_within_the_cooldown_is_declined_with_the_reason(ledger, clock):
    application = ApplicationHarness(ledger, clock, TWO_PLATFORMS)
    for _ in range(2):
        application.answer(application.surveyed(), 10)
        application.run()
        application.clock.forward("30d")
    assert len(review_mails(application)) == 1
    assert "cooldown" in application.deliveries("invite_review")[-1].last_error


@pytest.mark.parametrize("second", ["1", "2"])
def test_a_contact_asked_before_is_declined_when_the_response_is_stored(application, second):
    application.answer(application.surveyed("1", "info@example.com"), 10)
    application.run()
    application.clock.forward("200d")
    application.run()
    application.answer(application.surveyed(second, "info@example.com"), 10)
    declined = application.deliveries("invite_review")[-1]
    assert (declined.state, declined.last_error) == (
        "cancelled",
        "asked for a review on stars before; nobody is asked twice",
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [({}, "asked for a review on stars before"), (TWO_PLATFORMS, "within the cooldown, which ends on")],
    ids=["one-platform", "two"],
)
def test_only_the_first_of_two_pending_mails_to_one_mailbox_is_sent(ledger, clock, changes, why):
    application = ApplicationHarness(ledger, clock, {"limits": {"cooldown": "1d"}, **changes})
    first = application.surveyed("1", "info@example.com")
    application.clock.forward("2d")
    for token in (first, application.surveyed("2", "info@example.com")):
        application.answer(token, 10)
    assert [row.state for row in application.deliveries("invite_review")] == ["pending", "pending"]
    application.clock.forward("200d")
    application.run()
    assert len(review_mails(application)) == 1
    states = {row.state: row.last_error for row in application.deliveries("invite_review")}
    assert set(states) == {"succeeded", "cancelled"}
    assert why in states["cancelled"]


def test_a_mail_waiting_for_a_ticket_does_not_block_the_mail_of_another_response(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"limits": {"cooldown": "1d"}})
    unhappy = application.surveyed("1", "info@example.com")
    application.clock.forward("2d")
    happy = application.surveyed("2", "info@example.com")
    application.answer(unhappy, 2)
    application.run()
    application.clock.forward("4d")
    application.run()
    waiting = application.deliveries("invite_review")
    assert [(row.state, row.hold_code) for row in waiting] == [("pending", HoldCode.TICKET_OPEN)]
    application.answer(happy, 10)
    application.clock.forward("1d")
    application.run()
    assert len(review_mails(application)) == 1
    application.clock.forward("30d")
    application.run()
    assert [row.state for row in application.deliveries("invite_review")] == ["cancelled", "succeeded"]


def test_two_contacts_with_one_mailbox_are_asked_once(application):
    for person in ("1", "2"):
        application.answer(application.surveyed(person, "info@example.com"), 10)
        application.run()
        application.clock.forward("200d")
    application.run()
    assert len(review_mails(application)) == 1


def test_a_cancelled_invitation_releases_its_reservation(ledger, clock):
    routes = [
        {"on": "promoter", "do": "invite_review", "via": "stars", "accept_selective_invitation": "agreed by mail"}
    ]
    application = ApplicationHarness(
        ledger, clock, {"routes": routes, "limits": {"cooldown": "1d"}, "cases": {"own_cases": False}}
    )
    token = application.surveyed()
    application.answer(token, 10)
    application.clock.forward("1m")
    application.answer(token, 3)
    application.run()
    assert review_mails(application) == []
    application.answer(application.surveyed(), 9)
    application.run()
    assert len(review_mails(application)) == 1


def test_every_score_gets_one_reminder_unless_the_link_was_opened(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"reviews": {"reminder_after": "5d", "wait_for_ticket": "0s"}})
    for score, email in ((10, "a@example.com"), (7, "b@example.com"), (2, "c@example.com"), (10, "d@example.com")):
        application.answer(application.surveyed(email[0], email), score)
        application.run()
    application.clock.forward("4d")
    application.run()
    application.clock.forward("1h")
    application.backend.resolve_review_link(application.token("d@example.com", "r"), application.visit())
    application.clock.forward("20d")
    application.run()
    application.clock.forward("20d")
    application.run()
    counts = {
        email: [mail.to.email for mail in review_mails(application)].count(email)
        for email in ("a@example.com", "b@example.com", "c@example.com", "d@example.com")
    }
    assert counts == {"a@example.com": 2, "b@example.com": 2, "c@example.com": 2, "d@example.com": 1}
    assert application.deliveries("invite_review")[-1].options["platform"] == "stars"


def test_the_report_counts_every_link_and_bots_separately(application):
    tokens = {score: application.surveyed(str(score), f"p{score}@example.com") for score in (10, 9, 3)}
    for score, token in tokens.items():
        application.answer(token, score)
        application.show(token, application.visit())
    application.run()
    application.clock.forward("2h")
    application.run()
    application.backend.resolve_review_link(application.token("p10@example.com", "r"), application.visit())
    application.backend.resolve_review_link(application.token("p9@example.com", "r"), application.visit("HEAD"))
    application.clock.forward("1m")
    for _ in range(2):
        application.backend.resolve_review_link(application.token("p9@example.com", "r"), application.visit())
    assert review_report(application) == {
        ("stars", "promoter"): (2, 2, 2, 1, 2),
        ("stars", "detractor"): (1, 1, 0, 0, 0),
    }
    with application.ledger.read() as session:
        signals = (
            session.execute(select(PageViewRow.bot_signals).where(PageViewRow.purpose == "review")).scalars().all()
        )
    assert signals == ["fast", "head,fast", None, None]


def test_a_changed_response_is_counted_in_its_new_segment(application):
    token = application.surveyed()
    application.answer(token, 10)
    application.show(token, application.visit())
    application.clock.forward("1m")
    application.answer(token, 3)
    assert review_report(application) == {("stars", "detractor"): (1, 1, 0, 0, 0)}


def test_visits_of_a_review_link_are_stored_up_to_a_limit_and_redirected_without_one(application):
    token = application.review_token(application.answer(application.surveyed(), 10))
    for _ in range(MAX_VISITS + 5):
        assert application.backend.resolve_review_link(token, application.visit()) == "https://stars.example.com/write"
    with application.ledger.read() as session:
        visits = session.execute(select(PageViewRow).where(PageViewRow.purpose == "review")).scalars().all()
    assert len(visits) == MAX_VISITS
