"""The survey's mail: its language, and the last day that it names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness

from nps_connect.ledger import pauses
from nps_connect.ledger.tables import InvitationRow

TRIGGER = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "delay": "3d"}
REMINDED = {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "4d"}}}


def languages(application: ApplicationHarness) -> list[str]:
    return [mail.language for mail in application.post.items]


def waited(application: ApplicationHarness, days: int) -> ApplicationHarness:
    for _ in range(days):
        application.clock.forward("1d")
        application.run()
    return application


@pytest.mark.parametrize(("at_first", "later"), [("fr", "fr"), (None, None), ("en", "fr"), (None, "fr")])
def test_the_language_of_the_trigger_holds_whatever_the_contact_s_is(ledger, clock, at_first, later):
    application = ApplicationHarness(ledger, clock, {**REMINDED, "triggers": [{**TRIGGER, "language": "en"}]})
    application.crm.knows("1", "marie@example.com", language=at_first)
    application.webhook(application.won("1"))
    application.run()
    application.crm.knows("1", "marie@example.com", language=later)
    waited(application, 7)
    assert languages(application) == ["en", "en"]
    assert "recommend" in application.post.items[0].text


def test_without_it_the_mail_is_in_the_contact_s_newest_language_and_so_is_the_page(ledger, clock):
    application = ApplicationHarness(ledger, clock, REMINDED)
    application.crm.knows("1", "marie@example.com", language="fr")
    application.webhook(application.won("1"))
    application.run()
    application.crm.knows("1", "marie@example.com", language="en")
    waited(application, 3)
    assert languages(application) == ["en"]
    token = application.token("marie@example.com")
    assert application.show(token, application.visit()).language == "en"
    application.crm.knows("1", "marie@example.com", language="de")
    waited(application, 4)
    assert languages(application) == ["en", "en"], "not on offer: it stays with the last one that was"


def test_the_link_takes_answers_until_the_end_of_the_day_that_the_mail_names(application):
    token = application.surveyed()  # on 20 November 2026 at 10:00 in Paris
    assert "19 janvier 2027" in application.post.items[0].text
    application.clock.now = datetime(2027, 1, 19, 22, 59, 59, tzinfo=UTC)
    assert application.show(token, application.visit()).state == "open"
    application.clock.now = datetime(2027, 1, 19, 23, 0, tzinfo=UTC)
    assert application.show(token, application.visit()).state == "expired"


def test_a_mail_that_had_to_wait_leaves_as_many_days_to_answer(application):
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    with application.ledger.write() as session:
        pauses.pause(session, pauses.MAIL_SCOPE, cause="operator", reason="checking", now=application.clock())
    waited(application, 33)
    with application.ledger.write() as session:
        pauses.resume(session, pauses.MAIL_SCOPE)
    waited(application, 1)
    assert "19 février 2027" in application.post.items[0].text
    with application.ledger.read() as session:
        expires_at = session.execute(select(InvitationRow.expires_at)).scalar_one()
    assert expires_at == datetime(2027, 2, 19, 23, tzinfo=UTC)


def test_a_mail_that_waited_too_long_is_not_sent(application):
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
