"""Staff hear once, by mail, of what a vendor or a broken plugin has stopped."""

from __future__ import annotations

import pytest
from support.application import ApplicationHarness

from nps_connect import AuthFailed, NotAllowed
from nps_connect.ledger import pauses


def notices(application: ApplicationHarness) -> list:
    return application.post.sent("fallback")


@pytest.mark.parametrize(
    ("error", "stopped", "told"),
    [
        (AuthFailed("the token is refused"), "helpdesk est à l’arrêt", "connections check helpdesk"),
        (NotAllowed("no", scope="tickets.write"), "helpdesk/open_ticket est à l’arrêt", "missing: tickets.write"),
    ],
)
def test_a_refusal_is_told_once_and_again_when_it_comes_again(application, error, stopped, told):
    token = application.surveyed()
    application.desk.raising = [error]
    application.answer(token, 1)
    application.run()
    application.clock.forward("1m")
    application.run()
    [mail] = notices(application)
    assert (mail.to.email, stopped in mail.subject, told in mail.text) == ("care@example.com", True, True)
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


def test_what_an_operator_stopped_is_not_told(application, clock):
    with application.ledger.write() as session:
        pauses.pause(session, pauses.connection_scope("crm"), cause="operator", reason="for today", now=clock())
    application.clock.forward("2m")
    application.run()
    assert notices(application) == []


def test_the_mail_goes_through_a_channel_that_is_not_stopped_itself(ledger, clock):
    application = ApplicationHarness(
        ledger, clock, {"connections": {"mail": {"plugin": "post"}, "second": {"plugin": "post"}}}
    )
    with ledger.write() as session:
        pauses.pause(session, pauses.connection_scope("mail"), cause="auth", reason="refused", now=clock())
    application.clock.forward("2m")
    application.run()
    assert [row.connection for row in application.deliveries("send_fallback")] == ["second"]
    assert len(notices(application)) == 1


def test_in_shadow_nothing_leaves_the_house_and_the_log_tells_it(ledger, clock, caplog):
    application = ApplicationHarness(ledger, clock, {"core": {"mode": "shadow"}, "limits": {"unusual": 1}})
    for person in "12":
        application.crm.knows(person, f"{person}@example.com")
    application.webhook(application.won("1"), application.won("2"))
    application.run()
    assert application.deliveries("send_fallback") == []
    assert "shadow mode sends nothing, so staff is not told by mail" in caplog.text
