"""The survey mail: its language, and the last day that it names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness

from nps_connect.ledger import pauses
from nps_connect.ledger.tables import InvitationRow

TRIGGER = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "delay": "3d"}
REMINDED = {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "4d"}}}


def mail_languages(application: ApplicationHarness) -> list[str]:
    return [mail.language for mail in application.post.items]


def run_days(application: ApplicationHarness, days: int) -> ApplicationHarness:
    for _ in range(days):
        application.clock.forward("1d")
        application.run()
    return application


@pytest.mark.parametrize(("initial", "later"), [("fr", "fr"), (None, None), ("en", "fr"), (None, "fr")])
def test_the_language_of_the_trigger_overrides_the_contact_s(ledger, clock, initial, later):
    application = ApplicationHarness(ledger, clock, {**REMINDED, "triggers": [{**TRIGGER, "language": "en"}]})
    application.crm.knows("1", "marie@example.com", language=initial)
    application.webhook(application.won("1"))
    application.run()
    application.crm.knows("1", "marie@example.com", language=later)
    run_days(application, 7)
    assert mail_languages(application) == ["en", "en"]
    assert "recommend" in application.post.items[0].text


def test_mail_and_page_use_the_contact_s_newest_language(ledger, clock):
    application = ApplicationHarness(ledger, clock, REMINDED)
    application.crm.knows("1", "marie@example.com", language="fr")
    application.webhook(application.won("1"))
    application.run()
    application.crm.knows("1", "marie@example.com", language="en")
    run_days(application, 3)
    assert mail_languages(application) == ["en"]
    token = application.token("marie@example.com")
    assert application.show(token, application.visit()).language == "en"
    application.crm.knows("1", "marie@example.com", language="de")
    run_days(application, 4)
    assert mail_languages(application) == ["en", "en"], "an unsupported language keeps the previous one"


def test_the_link_is_valid_until_the_end_of_the_day_in_the_mail(application):
    token = application.surveyed()  # on 20 November 2026 at 10:00 in Paris
    assert "19 janvier 2027" in application.post.items[0].text
    application.clock.now = datetime(2027, 1, 19, 22, 59, 59, tzinfo=UTC)
    assert application.show(token, application.visit()).state == "open"
    application.clock.now = datetime(2027, 1, 19, 23, 0, tzinfo=UTC)
    assert application.show(token, application.visit()).state == "expired"


def test_a_delayed_mail_has_a_link_of_the_full_validity(application):
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    with application.ledger.write() as session:
        pauses.pause(session, pauses.MAIL_SCOPE, cause="operator", reason="checking", now=application.clock())
    run_days(application, 33)
    with application.ledger.write() as session:
        pauses.resume(session, pauses.MAIL_SCOPE)
    run_days(application, 1)
    assert "19 février 2027" in application.post.items[0].text
    with application.ledger.read() as session:
        expires_at = session.execute(select(InvitationRow.expires_at)).scalar_one()
    assert expires_at == datetime(2027, 2, 19, 23, tzinfo=UTC)


def test_an_expired_survey_is_not_sent(application):
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    with application.ledger.write() as session:
        pauses.pause(session, pauses.MAIL_SCOPE, cause="operator", reason="checking", now=application.clock())
    application.run()
    application.clock.forward("64d")
    with application.ledger.write() as session:
        pauses.resume(session, pauses.MAIL_SCOPE)
    application.run()
    assert application.post.items == []
    [row] = application.deliveries("send_survey")
    assert row.last_error == "the survey had expired before it could be sent"
