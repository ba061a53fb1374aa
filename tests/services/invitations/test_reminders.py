"""Reminders: once or twice, to those who have not answered; and one question to those whose low score nobody confirmed."""

from __future__ import annotations

import pytest
from support.application import ApplicationHarness

from nps_connect.ledger import pauses

OFFICE_HOURS = {"quiet_hours": "20:00-08:00", "quiet_days": ["saturday", "sunday"]}
REMIND = {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "4d", "reminders": 2}}}


@pytest.fixture
def reminding(ledger, clock) -> ApplicationHarness:
    return ApplicationHarness(ledger, clock, REMIND)


def kinds(application: ApplicationHarness) -> list[str]:
    return [mail.kind for mail in application.post.items]


def days(application: ApplicationHarness, number: int) -> None:
    for _ in range(number):
        application.clock.forward("1d")
        application.run()


def test_who_does_not_answer_is_reminded_twice_and_then_left_alone(reminding):
    reminding.surveyed()
    days(reminding, 3)
    assert kinds(reminding) == ["survey"]
    days(reminding, 1)
    assert kinds(reminding) == ["survey", "reminder"]
    assert "Rappel" in reminding.post.items[1].subject
    days(reminding, 4)
    assert kinds(reminding) == ["survey", "reminder", "reminder"]
    reminding.clock.forward("36d")
    reminding.run()
    assert kinds(reminding) == ["survey", "reminder", "reminder"]


def test_a_quiet_weekend_lets_no_two_reminders_leave_together(ledger, clock):
    survey = {"channel": "mail", "reminder_after": "1d", "reminders": 2}
    application = ApplicationHarness(ledger, clock, {"surveys": {"after-purchase": survey}, "limits": OFFICE_HOURS})
    application.surveyed()  # on a Friday at 10:00
    sent = []
    for wait in ("2d", "21h59m", "1m", "23h59m", "1m"):  # Sunday, Monday just before and at 8:00, Tuesday likewise
        clock.forward(wait)
        application.run()
        sent.append(len(application.post.items) - 1)
    assert sent == [0, 0, 1, 1, 2]


def test_after_a_pause_or_an_outage_one_reminder_leaves_and_the_next_has_its_distance(reminding):
    reminding.surveyed()
    with reminding.ledger.write() as session:
        pauses.pause(session, pauses.MAIL_SCOPE, cause="operator", reason="checking", now=reminding.clock())
    reminding.clock.forward("20d")
    reminding.run()
    with reminding.ledger.write() as session:
        pauses.resume(session, pauses.MAIL_SCOPE)
    days(reminding, 4)
    assert kinds(reminding) == ["survey", "reminder"]
    days(reminding, 1)
    assert kinds(reminding) == ["survey", "reminder", "reminder"]


def test_an_answer_cancels_reminders(reminding):
    reminding.answer(reminding.surveyed(), 8)
    days(reminding, 10)
    assert "reminder" not in kinds(reminding)
    assert {row.last_error for row in reminding.deliveries("send_reminder")} == {"answered meanwhile"}


def test_an_opt_out_cancels_reminders(reminding):
    reminding.surveyed()
    reminding.backend.unsubscribe(reminding.token("marie@example.com", "u"))
    days(reminding, 10)
    assert kinds(reminding) == ["survey"]
    assert {row.state for row in reminding.deliveries("send_reminder")} == {"cancelled"}


def test_without_the_setting_nobody_is_reminded(application):
    application.surveyed()
    days(application, 30)
    assert kinds(application) == ["survey"]


def test_an_opened_low_score_is_asked_to_be_confirmed_once_after_a_day(application):
    token = application.surveyed()
    application.clock.forward("1h")
    application.show(token, application.visit("GET", 2))
    application.clock.forward("23h")
    application.run()
    assert kinds(application) == ["survey"]
    days(application, 20)
    assert kinds(application) == ["survey", "reminder"]
    mail = application.post.items[1]
    assert mail.subject == "Vous avez choisi 2\u00a0: merci de confirmer"
    assert f"{token}?score=2" in mail.text


@pytest.mark.parametrize("spoil", ["machine", "promoter", "answered", "switched off"])
def test_who_is_not_asked_to_confirm(ledger, clock, spoil):
    off = {"surveys": {"after-purchase": {"confirm_detractors": False}}} if spoil == "switched off" else {}
    application = ApplicationHarness(ledger, clock, off)
    token = application.surveyed()
    application.clock.forward("1h")
    application.show(token, application.visit("GET", 9 if spoil == "promoter" else 2))
    if spoil == "machine":
        application.show(token, application.visit("GET", 3))
    if spoil == "answered":
        application.clock.forward("1m")
        application.answer(token, 8)
    days(application, 3)
    assert "reminder" not in kinds(application)


def test_a_question_to_confirm_takes_the_place_of_a_reminder(reminding):
    token = reminding.surveyed()
    reminding.clock.forward("1h")
    reminding.show(token, reminding.visit("GET", 2))
    days(reminding, 20)
    assert kinds(reminding) == ["survey", "reminder"]


def test_a_question_to_confirm_waits_a_day_after_a_reminder(ledger, clock):
    application = ApplicationHarness(
        ledger, clock, {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "2d"}}}
    )
    token = application.surveyed()
    clock.forward("1d1h")
    application.show(token, application.visit("GET", 2))
    clock.forward("23h")
    application.run()
    assert kinds(application) == ["survey", "reminder"]
    for _ in range(23):
        clock.forward("1h")
        application.run()
    assert kinds(application) == ["survey", "reminder"], "the low score is more than a day old, the reminder is not"
    days(application, 5)
    assert kinds(application) == ["survey", "reminder", "reminder"]
    assert "2\u00a0: merci de confirmer" in application.post.items[2].subject


def test_a_question_to_confirm_is_not_sent_if_a_higher_score_was_opened_meanwhile(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"limits": OFFICE_HOURS})
    token = application.surveyed()  # on a Friday
    clock.forward("1h")
    application.show(token, application.visit("GET", 2))
    days(application, 2)
    assert [row.state for row in application.deliveries("send_reminder")] == ["pending"]
    application.show(token, application.visit("GET", 9))
    days(application, 2)
    assert kinds(application) == ["survey"]
    assert [row.last_error for row in application.deliveries("send_reminder")] == [
        "a higher score was opened meanwhile"
    ]


def test_a_question_to_confirm_that_is_not_asked_gives_the_reminder_its_place_back(ledger, clock):
    application = ApplicationHarness(ledger, clock, {**REMIND, "limits": OFFICE_HOURS})
    token = application.surveyed()  # on a Friday
    clock.forward("1h")
    application.show(token, application.visit("GET", 2))
    days(application, 2)
    assert {row.state for row in application.deliveries("send_reminder")} == {"cancelled", "pending"}
    application.show(token, application.visit("GET", 9))
    days(application, 20)
    assert kinds(application) == ["survey", "reminder", "reminder"]
    assert [mail.subject.startswith("Rappel") for mail in application.post.items[1:]] == [True, True]


def test_mail_waits_for_the_end_of_quiet_times_where_the_person_lives(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"limits": OFFICE_HOURS})
    application.crm.knows("1", "marie@example.com")
    application.crm.knows("2", "sam@example.com", timezone="America/Los_Angeles")
    for person in ("1", "2"):
        application.webhook(application.won(person))
    application.run()
    application.clock.forward("3d")  # Friday, 10:00 in Paris, 1:00 in Los Angeles
    asked = application.crm.looked
    application.run()
    assert [mail.to.email for mail in application.post.items] == ["marie@example.com"]
    row = application.deliveries("send_survey")[1]
    assert (row.state, row.due_at.isoformat()) == ("pending", "2026-11-20T16:00:00+00:00")
    assert row.attempts == 0
    assert application.crm.looked == asked + 1
    application.clock.forward("7h")
    application.run()
    assert len(application.post.items) == 2
