"""Review invitations: promoters are invited first, nobody is barred, nobody is asked twice, every link is accounted for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.house import House
from support.reviewing import BOTH, QUIET, audit, mails, solve

from nps_connect.ledger.tables import VisitRow


def test_every_score_gets_one_mail_with_the_same_link_and_the_page_shows_it_too(house):
    targets, subjects = set(), {}
    for score in (10, 7, 2):
        email = f"p{score}@example.com"
        page = house.answer(house.surveyed(str(score), email), score)
        targets.add(house.doors.review_target(page.reviews[0].url.rpartition("/")[2], house.visit()))
        house.run()
    house.clock.forward("14d")
    house.run()
    assert len(mails(house)) == 3
    for mail in mails(house):
        subjects[mail.to.email] = mail.subject
        targets.add(house.doors.review_target(house.token(mail.to.email, "r"), house.visit()))
    assert targets == {"https://stars.example.com/write"}
    assert subjects["p7@example.com"] == subjects["p2@example.com"] != subjects["p10@example.com"]


def test_an_open_ticket_keeps_the_mail_back_until_it_is_solved(house):
    house.answer(house.surveyed(), 2)
    house.run()
    house.clock.forward("5d")
    house.run()
    [row] = house.deliveries("invite_review")
    assert (row.state, row.hold) == ("pending", "waits until the ticket is solved")
    solve(house)
    house.clock.forward("1d")
    house.run()
    assert len(mails(house)) == 1


def test_an_open_ticket_keeps_the_mail_back_for_fourteen_days_at_most(house):
    house.answer(house.surveyed(), 2)
    house.run()
    house.clock.forward(timedelta(days=14) - timedelta(minutes=1))
    house.run()
    assert mails(house) == []
    house.clock.forward("1m")
    house.run()
    assert len(mails(house)) == 1


def test_a_promoter_with_a_ticket_of_another_survey_waits_as_well(ledger, clock):
    house = House(ledger, clock, {"limits": {"cooldown": "1d"}})
    house.answer(house.surveyed(), 1)
    house.run()
    house.answer(house.surveyed(), 10)
    house.run()
    house.clock.forward("3h")
    house.run()
    assert mails(house) == []


def test_no_mail_in_quiet_hours_by_the_clock_of_the_customer(ledger, clock):
    house = House(ledger, clock, {"limits": QUIET})
    tokens = [
        house.surveyed("1", "paris@example.com"),
        house.surveyed("2", "tokyo@example.com", timezone="Asia/Tokyo"),
    ]
    for token in tokens:
        house.answer(token, 10)
    first, second = house.deliveries("invite_review")
    assert first.due_at.astimezone(house.ctx.settings.core.zone).hour in range(8, 20)
    assert (second.due_at.hour + 9) % 24 in range(8, 20)
    assert all(row.due_at.astimezone(house.ctx.settings.core.zone).weekday() < 5 for row in (first,))


def test_a_mail_that_comes_late_into_the_night_waits_for_the_morning(ledger, clock):
    house = House(ledger, clock, {"limits": QUIET})
    house.crm.knows("1", "marie@example.com")
    house.answer(house.surveyed(), 10)
    clock.now = house.deliveries("invite_review")[0].due_at.replace(hour=22)
    house.run()
    [row] = house.deliveries("invite_review")
    assert (row.state, row.hold) == ("pending", "it is quiet where the person lives")
    assert row.due_at > house.clock()
    house.clock.now = row.due_at
    house.run()
    assert len(mails(house)) == 1


def test_nobody_is_asked_twice_for_one_platform_and_not_soon_for_another(ledger, clock):
    house = House(ledger, clock, BOTH)
    chosen = []
    for wait in ("200d", "200d", "200d"):
        house.answer(house.surveyed(), 10)
        house.run()
        house.clock.forward(wait)
        chosen.append(len(mails(house)))
    assert chosen == [1, 2, 2]
    sent = [row for row in house.deliveries("invite_review") if row.state == "succeeded"]
    assert {row.options["platform"] for row in sent} == {"stars", "other"}
    assert "nobody is asked twice" in house.deliveries("invite_review")[-1].last_error


def test_within_the_cooldown_there_is_no_second_mail_and_the_reason_is_written_down(ledger, clock):
    house = House(ledger, clock, BOTH)
    for _ in range(2):
        house.answer(house.surveyed(), 10)
        house.run()
        house.clock.forward("30d")
    assert len(mails(house)) == 1
    assert "cooldown" in house.deliveries("invite_review")[-1].last_error


@pytest.mark.parametrize("second", ["1", "2"])
def test_who_was_asked_before_is_declined_with_the_answer_itself(house, second):
    house.answer(house.surveyed("1", "info@example.com"), 10)
    house.run()
    house.clock.forward("200d")
    house.run()
    house.answer(house.surveyed(second, "info@example.com"), 10)
    declined = house.deliveries("invite_review")[-1]
    assert (declined.state, declined.last_error) == (
        "cancelled",
        "asked for a review on stars before; nobody is asked twice",
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [({}, "asked for a review on stars before"), (BOTH, "within the cooldown, which ends on")],
    ids=["one-platform", "two"],
)
def test_of_two_mails_that_wait_for_one_person_only_the_first_goes_out(ledger, clock, changes, why):
    house = House(ledger, clock, {"limits": {"cooldown": "1d"}, **changes})
    first = house.surveyed("1", "info@example.com")
    house.clock.forward("2d")
    for token in (first, house.surveyed("2", "info@example.com")):
        house.answer(token, 10)
    assert [row.state for row in house.deliveries("invite_review")] == ["pending", "pending"]
    house.clock.forward("200d")
    house.run()
    assert len(mails(house)) == 1
    states = {row.state: row.last_error for row in house.deliveries("invite_review")}
    assert set(states) == {"succeeded", "cancelled"}
    assert why in states["cancelled"]


def test_a_mail_that_waits_for_a_ticket_does_not_keep_another_answers_mail_back(ledger, clock):
    house = House(ledger, clock, {"limits": {"cooldown": "1d"}})
    unhappy = house.surveyed("1", "info@example.com")
    house.clock.forward("2d")
    happy = house.surveyed("2", "info@example.com")
    house.answer(unhappy, 2)
    house.run()
    house.clock.forward("4d")
    house.run()
    waiting = house.deliveries("invite_review")
    assert [(row.state, row.hold) for row in waiting] == [("pending", "waits until the ticket is solved")]
    house.answer(happy, 10)
    house.clock.forward("1d")
    house.run()
    assert len(mails(house)) == 1
    house.clock.forward("30d")
    house.run()
    assert [row.state for row in house.deliveries("invite_review")] == ["cancelled", "succeeded"]


def test_two_contacts_of_one_mailbox_are_asked_once(house):
    for person in ("1", "2"):
        house.answer(house.surveyed(person, "info@example.com"), 10)
        house.run()
        house.clock.forward("200d")
    house.run()
    assert len(mails(house)) == 1


def test_an_invitation_that_never_goes_out_gives_its_place_back(ledger, clock):
    routes = [
        {"on": "promoter", "do": "invite_review", "via": "stars", "accept_selective_invitation": "agreed by mail"}
    ]
    house = House(ledger, clock, {"routes": routes, "limits": {"cooldown": "1d"}})
    token = house.surveyed()
    house.answer(token, 10)
    house.clock.forward("1m")
    house.answer(token, 3)
    house.run()
    assert mails(house) == []
    house.answer(house.surveyed(), 9)
    house.run()
    assert len(mails(house)) == 1


def test_one_reminder_unless_the_link_was_opened_whatever_the_score(ledger, clock):
    house = House(ledger, clock, {"reviews": {"reminder_after": "5d", "wait_for_ticket": "0s"}})
    for score, email in ((10, "a@example.com"), (7, "b@example.com"), (2, "c@example.com"), (10, "d@example.com")):
        house.answer(house.surveyed(email[0], email), score)
        house.run()
    house.clock.forward("4d")
    house.run()
    house.clock.forward("1h")
    house.doors.review_target(house.token("d@example.com", "r"), house.visit())
    house.clock.forward("20d")
    house.run()
    house.clock.forward("20d")
    house.run()
    counts = {
        email: [mail.to.email for mail in mails(house)].count(email)
        for email in ("a@example.com", "b@example.com", "c@example.com", "d@example.com")
    }
    assert counts == {"a@example.com": 2, "b@example.com": 2, "c@example.com": 2, "d@example.com": 1}
    assert house.deliveries("invite_review")[-1].options["platform"] == "stars"


def test_every_link_is_accounted_for_and_machines_are_counted_apart(house):
    tokens = {score: house.surveyed(str(score), f"p{score}@example.com") for score in (10, 9, 3)}
    for score, token in tokens.items():
        house.answer(token, score)
        house.show(token, house.visit())
    house.run()
    house.clock.forward("2h")
    house.run()
    house.doors.review_target(house.token("p10@example.com", "r"), house.visit())
    house.doors.review_target(house.token("p9@example.com", "r"), house.visit("HEAD"))
    house.clock.forward("1m")
    for _ in range(2):
        house.doors.review_target(house.token("p9@example.com", "r"), house.visit())
    assert audit(house) == {("stars", "promoter"): (2, 2, 2, 1, 2), ("stars", "detractor"): (1, 1, 0, 0, 0)}
    with house.ledger.read() as session:
        signs = session.execute(select(VisitRow.signs).where(VisitRow.purpose == "review")).scalars().all()
    assert signs == ["fast", "head,fast", None, None]


def test_a_changed_answer_moves_its_accounts_to_the_new_band(house):
    token = house.surveyed()
    house.answer(token, 10)
    house.show(token, house.visit())
    house.clock.forward("1m")
    house.answer(token, 3)
    assert audit(house) == {("stars", "detractor"): (1, 1, 0, 0, 0)}
