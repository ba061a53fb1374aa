"""Reminders to customers who have not responded, and requests to confirm a detractor's score."""

from __future__ import annotations

import pytest
from support.application import ApplicationHarness

from nps_connect.ledger import pauses

OFFICE_HOURS = {"quiet_hours": "20:00-08:00", "quiet_days": ["saturday", "sunday"]}
REMIND = {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "4d", "reminders": 2}}}


@pytest.fixture
def application_with_reminders(ledger, clock) -> ApplicationHarness:
    return ApplicationHarness(ledger, clock, REMIND)


def mail_kinds(application: ApplicationHarness) -> list[str]:
    return [mail.kind for mail in application.post.items]


def run_days(application: ApplicationHarness, number: int) -> None:
    for _ in range(number):
        application.clock.forward("1d")
        application.run()


def test_a_customer_without_a_response_gets_two_reminders(application_with_reminders):
    application_with_reminders.surveyed()
    run_days(application_with_reminders, 3)
    assert mail_kinds(application_with_reminders) == ["survey"]
    run_days(application_with_reminders, 1)
    assert mail_kinds(application_with_reminders) == ["survey", "reminder"]
    assert "Rappel" in application_with_reminders.post.items[1].subject
    run_days(application_with_reminders, 4)
    assert mail_kinds(application_with_reminders) == ["survey", "reminder", "reminder"]
    application_with_reminders.clock.forward("36d")
    application_with_reminders.run()
    assert mail_kinds(application_with_reminders) == ["survey", "reminder", "reminder"]


def test_two_reminders_are_never_sent_together_after_a_quiet_weekend(ledger, clock):
    survey = {"channel": "mail", "reminder_after": "1d", "reminders": 2}
    application = ApplicationHarness(ledger, clock, {"surveys": {"after-purchase": survey}, "limits": OFFICE_HOURS})
    application.surveyed()  # on a Friday at 10:00
    sent = []
    for wait in ("2d", "21h59m", "1m", "23h59m", "1m"):  # Sunday, Monday just before and at 8:00, Tuesday likewise
        clock.forward(wait)
        application.run()
        sent.append(len(application.post.items) - 1)
    assert sent == [0, 0, 1, 1, 2]


def test_after_a_pause_the_second_reminder_keeps_its_interval(application_with_reminders):
    application_with_reminders.surveyed()
    with application_with_reminders.ledger.write() as session:
        pauses.pause(
            session, pauses.MAIL_SCOPE, cause="operator", reason="checking", now=application_with_reminders.clock()
        )
    application_with_reminders.clock.forward("20d")
    application_with_reminders.run()
    with application_with_reminders.ledger.write() as session:
        pauses.resume(session, pauses.MAIL_SCOPE)
    run_days(application_with_reminders, 4)
    assert mail_kinds(application_with_reminders) == ["survey", "reminder"]
    run_days(application_with_reminders, 1)
    assert mail_kinds(application_with_reminders) == ["survey", "reminder", "reminder"]


def test_a_response_cancels_reminders(application_with_reminders):
    application_with_reminders.answer(application_with_reminders.surveyed(), 8)
    run_days(application_with_reminders, 10)
    assert "reminder" not in mail_kinds(application_with_reminders)
    assert {row.last_error for row in application_with_reminders.deliveries("send_reminder")} == {"answered meanwhile"}


def test_an_opt_out_cancels_reminders(application_with_reminders):
    application_with_reminders.surveyed()
    application_with_reminders.backend.unsubscribe(application_with_reminders.token("marie@example.com", "u"))
    run_days(application_with_reminders, 10)
    assert mail_kinds(application_with_reminders) == ["survey"]
    assert {row.state for row in application_with_reminders.deliveries("send_reminder")} == {"cancelled"}


def test_without_the_setting_there_is_no_reminder(application):
    application.surveyed()
    run_days(application, 30)
    assert mail_kinds(application) == ["survey"]


def test_an_opened_low_score_gets_one_confirmation_request_after_a_day(application):
    token = application.surveyed()
    application.clock.forward("1h")
    application.show(token, application.visit("GET", 2))
    application.clock.forward("23h")
    application.run()
    assert mail_kinds(application) == ["survey"]
    run_days(application, 20)
    assert mail_kinds(application) == ["survey", "reminder"]
    mail = application.post.items[1]
    assert mail.subject == "Vous avez choisi 2\u00a0: merci de confirmer"
    assert f"{token}?score=2" in mail.text


@pytest.mark.parametrize("obstacle", ["bot", "promoter", "answered", "switched off"])
def test_no_confirmation_request(ledger, clock, obstacle):
    off = {"surveys": {"after-purchase": {"confirm_detractors": False}}} if obstacle == "switched off" else {}
    application = ApplicationHarness(ledger, clock, off)
    token = application.surveyed()
    application.clock.forward("1h")
    application.show(token, application.visit("GET", 9 if obstacle == "promoter" else 2))
    if obstacle == "bot":
        application.show(token, application.visit("GET", 3))
    if obstacle == "answered":
        application.clock.forward("1m")
        application.answer(token, 8)
    run_days(application, 3)
    assert "reminder" not in mail_kinds(application)


def test_a_confirmation_request_replaces_a_reminder(application_with_reminders):
    token = application_with_reminders.surveyed()
    application_with_reminders.clock.forward("1h")
    application_with_reminders.show(token, application_with_reminders.visit("GET", 2))
    run_days(application_with_reminders, 20)
    assert mail_kinds(application_with_reminders) == ["survey", "reminder"]


def test_a_confirmation_request_waits_a_day_after_a_reminder(ledger, clock):
    application = ApplicationHarness(
        ledger, clock, {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "2d"}}}
    )
    token = application.surveyed()
    clock.forward("1d1h")
    application.show(token, application.visit("GET", 2))
    clock.forward("23h")
    application.run()
    assert mail_kinds(application) == ["survey", "reminder"]
    for _ in range(23):
        clock.forward("1h")
        application.run()
    assert mail_kinds(application) == ["survey", "reminder"], (
        "the low score is more than a day old, the reminder is not"
    )
    run_days(application, 5)
    assert mail_kinds(application) == ["survey", "reminder", "reminder"]
    assert "2\u00a0: merci de confirmer" in application.post.items[2].subject


def test_a_confirmation_request_is_cancelled_if_a_higher_score_was_opened(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"limits": OFFICE_HOURS})
    token = application.surveyed()  # on a Friday
    clock.forward("1h")
    application.show(token, application.visit("GET", 2))
    run_days(application, 2)
    assert [row.state for row in application.deliveries("send_reminder")] == ["pending"]
    application.show(token, application.visit("GET", 9))
    run_days(application, 2)
    assert mail_kinds(application) == ["survey"]
    assert [row.last_error for row in application.deliveries("send_reminder")] == [
        "a higher score was opened meanwhile"
    ]


def test_a_cancelled_confirmation_request_restores_the_reminder(ledger, clock):
    application = ApplicationHarness(ledger, clock, {**REMIND, "limits": OFFICE_HOURS})
    token = application.surveyed()  # on a Friday
    clock.forward("1h")
    application.show(token, application.visit("GET", 2))
    run_days(application, 2)
    assert {row.state for row in application.deliveries("send_reminder")} == {"cancelled", "pending"}
    application.show(token, application.visit("GET", 9))
    run_days(application, 20)
    assert mail_kinds(application) == ["survey", "reminder", "reminder"]
    assert [mail.subject.startswith("Rappel") for mail in application.post.items[1:]] == [True, True]


def test_mail_waits_for_the_end_of_quiet_hours_in_the_contact_s_zone(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"limits": OFFICE_HOURS})
    application.crm.knows("1", "marie@example.com")
    application.crm.knows("2", "sam@example.com", timezone="America/Los_Angeles")
    for person in ("1", "2"):
        application.webhook(application.won(person))
    application.run()
    application.clock.forward("3d")  # Friday, 10:00 in Paris, 1:00 in Los Angeles
    lookups = application.crm.looked
    application.run()
    assert [mail.to.email for mail in application.post.items] == ["marie@example.com"]
    row = application.deliveries("send_survey")[1]
    assert (row.state, row.due_at.isoformat()) == ("pending", "2026-11-20T16:00:00+00:00")
    assert row.attempts == 0
    assert application.crm.looked == lookups + 1
    application.clock.forward("7h")
    application.run()
    assert len(application.post.items) == 2
