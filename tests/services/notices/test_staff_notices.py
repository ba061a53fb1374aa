"""Staff is notified once by mail of pauses caused by a vendor or a broken plugin."""

from __future__ import annotations

import pytest
from support.application import ApplicationHarness

from nps_connect import AuthFailed, NotAllowed
from nps_connect.ledger import pauses


def notices(application: ApplicationHarness) -> list:
    return application.post.sent("fallback")


REFUSED = AuthFailed("the token is refused")
FORBIDDEN = NotAllowed("no", scope="tickets.write")


@pytest.mark.parametrize(
    ("language", "error", "subject", "text"),
    [
        ("fr", REFUSED, "La connexion helpdesk est suspendue", "connections check helpdesk"),
        ("fr", FORBIDDEN, "helpdesk est suspendue (création de ticket)", "une autorisation manque"),
        ("en", REFUSED, "Connection helpdesk is paused", "the token is refused"),
        ("en", FORBIDDEN, "helpdesk is paused (ticket creation)", "missing: tickets.write"),
    ],
)
def test_staff_are_notified_once_per_pause(ledger, clock, language, error, subject, text):
    application = ApplicationHarness(ledger, clock, {"core": {"languages": [language]}})
    token = application.surveyed()
    application.desk.raising = [error]
    application.answer(token, 1)
    application.run()
    application.clock.forward("1m")
    application.run()
    [mail] = notices(application)
    assert (mail.to.email, subject in mail.subject, text in mail.text) == ("care@example.com", True, True)
    application.clock.forward("1m")
    application.run()
    assert len(notices(application)) == 1

    with application.ledger.write() as session:
        for scope in pauses.load_pauses(session):
            pauses.resume(session, scope)
    application.desk.raising = [error]
    application.run()
    application.clock.forward("1m")
    application.run()
    assert len(notices(application)) == 2


def test_a_pause_of_an_operator_sends_no_notice(application, clock):
    with application.ledger.write() as session:
        pauses.pause(session, pauses.connection_scope("crm"), cause="operator", reason="for today", now=clock())
    application.clock.forward("2m")
    application.run()
    assert notices(application) == []


def test_the_notice_avoids_a_paused_channel(ledger, clock):
    application = ApplicationHarness(
        ledger, clock, {"connections": {"mail": {"plugin": "post"}, "second": {"plugin": "post"}}}
    )
    with ledger.write() as session:
        pauses.pause(session, pauses.connection_scope("mail"), cause="auth", reason="refused", now=clock())
    application.clock.forward("2m")
    application.run()
    assert [row.connection for row in application.deliveries("send_fallback")] == ["second"]
    assert len(notices(application)) == 1


def test_in_shadow_mode_the_notice_is_logged_and_not_sent(ledger, clock, caplog):
    application = ApplicationHarness(ledger, clock, {"core": {"mode": "shadow"}, "limits": {"unusual": 1}})
    for person in "12":
        application.crm.knows(person, f"{person}@example.com")
    application.webhook(application.won("1"), application.won("2"))
    application.run()
    assert application.deliveries("send_fallback") == []
    assert "notice_suppressed mode=shadow" in caplog.text
