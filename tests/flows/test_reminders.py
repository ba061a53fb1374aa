"""Reminders: once or twice, to those who have not answered; and one question to those whose low score nobody confirmed."""

from __future__ import annotations

import pytest
from support.house import House

REMIND = {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "4d", "reminders": 2}}}


@pytest.fixture
def reminding(ledger, clock) -> House:
    return House(ledger, clock, REMIND)


def kinds(house: House) -> list[str]:
    return [mail.kind for mail in house.post.items]


def days(house: House, number: int) -> None:
    for _ in range(number):
        house.clock.forward("1d")
        house.run()


def test_who_does_not_answer_is_reminded_twice_and_then_left_alone(reminding):
    reminding.surveyed()
    days(reminding, 3)
    assert kinds(reminding) == ["survey"]
    days(reminding, 1)
    assert kinds(reminding) == ["survey", "reminder"]
    assert "Rappel" in reminding.post.items[1].subject
    days(reminding, 40)
    assert kinds(reminding) == ["survey", "reminder", "reminder"]


def test_an_answer_cancels_reminders(reminding):
    reminding.answer(reminding.surveyed(), 8)
    days(reminding, 10)
    assert "reminder" not in kinds(reminding)
    assert {row.last_error for row in reminding.deliveries("send_reminder")} == {"answered meanwhile"}


def test_an_opt_out_cancels_reminders(reminding):
    reminding.surveyed()
    reminding.doors.unsubscribe(reminding.token("marie@example.com", "u"))
    days(reminding, 10)
    assert kinds(reminding) == ["survey"]
    assert {row.state for row in reminding.deliveries("send_reminder")} == {"cancelled"}


def test_without_the_setting_nobody_is_reminded(house):
    house.surveyed()
    days(house, 30)
    assert kinds(house) == ["survey"]


def test_an_opened_low_score_is_asked_to_be_confirmed_once_after_a_day(house):
    token = house.surveyed()
    house.clock.forward("1h")
    house.show(token, house.visit("GET", 2))
    house.clock.forward("23h")
    house.run()
    assert kinds(house) == ["survey"]
    days(house, 20)
    assert kinds(house) == ["survey", "reminder"]
    mail = house.post.items[1]
    assert mail.subject == "Vous avez choisi 2\u00a0: merci de confirmer"
    assert f"{token}?score=2" in mail.text


@pytest.mark.parametrize("spoil", ["machine", "promoter", "answered", "switched off"])
def test_who_is_not_asked_to_confirm(ledger, clock, spoil):
    off = {"surveys": {"after-purchase": {"confirm_detractors": False}}} if spoil == "switched off" else {}
    house = House(ledger, clock, off)
    token = house.surveyed()
    house.clock.forward("1h")
    house.show(token, house.visit("GET", 9 if spoil == "promoter" else 2))
    if spoil == "machine":
        house.show(token, house.visit("GET", 3))
    if spoil == "answered":
        house.clock.forward("1m")
        house.answer(token, 8)
    days(house, 3)
    assert "reminder" not in kinds(house)


def test_a_question_to_confirm_takes_the_place_of_a_reminder(reminding):
    token = reminding.surveyed()
    reminding.clock.forward("1h")
    reminding.show(token, reminding.visit("GET", 2))
    days(reminding, 20)
    assert kinds(reminding) == ["survey", "reminder"]


def test_mail_waits_for_the_end_of_quiet_times_where_the_person_lives(ledger, clock):
    house = House(ledger, clock, {"limits": {"quiet_hours": "20:00-08:00", "quiet_days": ["saturday", "sunday"]}})
    house.crm.knows("1", "marie@example.com")
    house.crm.knows("2", "sam@example.com", timezone="America/Los_Angeles")
    for person in ("1", "2"):
        house.webhook(house.won(person))
    house.run()
    house.clock.forward("3d")  # Friday, 10:00 in Paris, 1:00 in Los Angeles
    asked = house.crm.looked
    house.run()
    assert [mail.to.email for mail in house.post.items] == ["marie@example.com"]
    row = house.deliveries("send_survey")[1]
    assert (row.state, row.due_at.isoformat()) == ("pending", "2026-11-20T16:00:00+00:00")
    assert row.attempts == 0
    assert house.crm.looked == asked + 1
    house.clock.forward("7h")
    house.run()
    assert len(house.post.items) == 2
