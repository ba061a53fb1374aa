"""Staff hear once, by mail, of what a vendor or a broken plugin has stopped."""

from __future__ import annotations

import pytest
from support.house import House

from nps_connect import AuthFailed, NotAllowed
from nps_connect.ledger import pauses


def notices(house: House) -> list:
    return house.post.sent("fallback")


@pytest.mark.parametrize(
    ("error", "stopped", "told"),
    [
        (AuthFailed("the token is refused"), "helpdesk est à l’arrêt", "connections check helpdesk"),
        (NotAllowed("no", scope="tickets.write"), "helpdesk/open_ticket est à l’arrêt", "missing: tickets.write"),
    ],
)
def test_a_refusal_is_told_once_and_again_when_it_comes_again(house, error, stopped, told):
    token = house.surveyed()
    house.desk.raising = [error]
    house.answer(token, 1)
    house.run()
    house.clock.forward("1m")
    house.run()
    [mail] = notices(house)
    assert (mail.to.email, stopped in mail.subject, told in mail.text) == ("care@example.com", True, True)
    house.clock.forward("1m")
    house.run()
    assert len(notices(house)) == 1

    with house.ledger.write() as session:
        for scope in pauses.current(session):
            pauses.resume(session, scope)
    house.desk.raising = [error]
    house.run()
    house.clock.forward("1m")
    house.run()
    assert len(notices(house)) == 2


def test_what_an_operator_stopped_is_not_told(house, clock):
    with house.ledger.write() as session:
        pauses.pause(session, pauses.of_connection("crm"), cause="operator", reason="for today", now=clock())
    house.clock.forward("2m")
    house.run()
    assert notices(house) == []


def test_the_mail_goes_through_a_channel_that_is_not_stopped_itself(ledger, clock):
    house = House(ledger, clock, {"connections": {"mail": {"plugin": "post"}, "second": {"plugin": "post"}}})
    with ledger.write() as session:
        pauses.pause(session, pauses.of_connection("mail"), cause="auth", reason="refused", now=clock())
    house.clock.forward("2m")
    house.run()
    assert [row.connection for row in house.deliveries("send_fallback")] == ["second"]
    assert len(notices(house)) == 1


def test_in_shadow_nothing_leaves_the_house_and_the_log_tells_it(ledger, clock, caplog):
    house = House(ledger, clock, {"core": {"mode": "shadow"}, "limits": {"unusual": 1}})
    for person in "12":
        house.crm.knows(person, f"{person}@example.com")
    house.webhook(house.won("1"), house.won("2"))
    house.run()
    assert house.deliveries("send_fallback") == []
    assert "shadow mode sends nothing, so staff is not told by mail" in caplog.text
