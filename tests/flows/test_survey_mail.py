"""The survey's mail: its language, and the last day that it names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from support.house import House

from nps_connect.ledger import pauses
from nps_connect.ledger.tables import InvitationRow

TRIGGER = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "delay": "3d"}
REMINDED = {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "4d"}}}


def languages(house: House) -> list[str]:
    return [mail.language for mail in house.post.items]


def waited(house: House, days: int) -> House:
    for _ in range(days):
        house.clock.forward("1d")
        house.run()
    return house


@pytest.mark.parametrize(("at_first", "later"), [("fr", "fr"), (None, None), ("en", "fr"), (None, "fr")])
def test_the_language_of_the_trigger_holds_whatever_the_contact_s_is(ledger, clock, at_first, later):
    house = House(ledger, clock, {**REMINDED, "triggers": [{**TRIGGER, "language": "en"}]})
    house.crm.knows("1", "marie@example.com", language=at_first)
    house.webhook(house.won("1"))
    house.run()
    house.crm.knows("1", "marie@example.com", language=later)
    waited(house, 7)
    assert languages(house) == ["en", "en"]
    assert "recommend" in house.post.items[0].text


def test_without_it_the_mail_is_in_the_contact_s_newest_language_and_so_is_the_page(ledger, clock):
    house = House(ledger, clock, REMINDED)
    house.crm.knows("1", "marie@example.com", language="fr")
    house.webhook(house.won("1"))
    house.run()
    house.crm.knows("1", "marie@example.com", language="en")
    waited(house, 3)
    assert languages(house) == ["en"]
    token = house.token("marie@example.com")
    assert house.show(token, house.visit()).language == "en"
    house.crm.knows("1", "marie@example.com", language="de")
    waited(house, 4)
    assert languages(house) == ["en", "en"], "not on offer: it stays with the last one that was"


def test_the_link_takes_answers_until_the_end_of_the_day_that_the_mail_names(house):
    token = house.surveyed()  # on 20 November 2026 at 10:00 in Paris
    assert "19 janvier 2027" in house.post.items[0].text
    house.clock.now = datetime(2027, 1, 19, 22, 59, 59, tzinfo=UTC)
    assert house.show(token, house.visit()).state == "open"
    house.clock.now = datetime(2027, 1, 19, 23, 0, tzinfo=UTC)
    assert house.show(token, house.visit()).state == "expired"


def test_a_mail_that_had_to_wait_leaves_as_many_days_to_answer(house):
    house.crm.knows("1", "marie@example.com")
    house.webhook(house.won("1"))
    with house.ledger.write() as session:
        pauses.pause(session, pauses.MAIL, cause="operator", reason="checking", now=house.clock())
    waited(house, 33)
    with house.ledger.write() as session:
        pauses.resume(session, pauses.MAIL)
    waited(house, 1)
    assert "19 février 2027" in house.post.items[0].text
    with house.ledger.read() as session:
        expires_at = session.execute(select(InvitationRow.expires_at)).scalar_one()
    assert expires_at == datetime(2027, 2, 19, 23, tzinfo=UTC)


def test_a_mail_that_waited_too_long_is_not_sent(house):
    house.crm.knows("1", "marie@example.com")
    house.webhook(house.won("1"))
    with house.ledger.write() as session:
        pauses.pause(session, pauses.MAIL, cause="operator", reason="checking", now=house.clock())
    house.run()
    house.clock.forward("64d")
    with house.ledger.write() as session:
        pauses.resume(session, pauses.MAIL)
    house.run()
    assert house.post.items == []
    [row] = house.deliveries("send_survey")
    assert row.last_error == "the survey had expired before it could be sent"
