"""Straight through: what a webhook tells is decided on as it is parsed, unless something is in the way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.clock import START
from support.house import House

from nps_connect import RetryLater
from nps_connect.flows.intake import straight as straight_through
from nps_connect.ledger import pauses
from nps_connect.ledger.tables import DecisionRow, EventRow, InvitationRow, RawRequest


def rows(house: House, table) -> list:
    with house.ledger.read() as session:
        return list(session.execute(select(table).order_by(table.id)).scalars())


def parse(house: House) -> None:
    house.run(only="crm/parse")


def states(house: House) -> list[tuple[str, int]]:
    return [(row.state, row.attempts) for row in rows(house, EventRow)]


def test_an_event_is_stored_with_its_person_and_its_decision_in_one_go(house):
    house.crm.knows("1", "marie@example.com")
    house.webhook(house.won("1", amount=120))
    parse(house)
    (event,) = rows(house, EventRow)
    assert (event.state, event.record["contacts"][0]["email"]) == ("succeeded", "marie@example.com")
    assert [(row.verdict, row.contact_id) for row in rows(house, DecisionRow)] == [("yes", event.contact_id)]
    assert house.states() == {"send_survey": "pending"}
    assert house.woken.count("mail/send_survey") == 1


def test_what_nobody_listens_to_is_kept_and_looked_up_for_nobody(house):
    house.webhook(house.won("1") | {"kind": "deal.lost"})
    parse(house)
    assert (states(house), rows(house, DecisionRow), house.crm.looked) == ([("succeeded", 0)], [], 0)


def test_known_facts_are_not_looked_up_again(house):
    house.crm.knows("1", "marie@example.com")
    for _ in range(2):
        house.webhook(house.won("1"))
        parse(house)
    assert house.crm.looked == 1
    assert [(row.events_new, row.events_known) for row in rows(house, RawRequest)] == [(1, 0), (0, 1)]


def test_new_events_do_not_overtake_those_that_wait(house):
    house.crm.knows("1", "marie@example.com")
    house.webhook(house.won("1", deal="older"))
    house.store()
    house.webhook(house.won("1", deal="newer"))
    parse(house)
    assert states(house) == [("pending", 0), ("pending", 0)]
    house.run()
    assert [row.reason for row in rows(house, DecisionRow)] == ["surveyed", "cooldown"]


def test_a_pause_of_the_decisions_holds_them_back(house):
    house.crm.knows("1", "marie@example.com")
    with house.ledger.write() as session:
        pauses.pause(session, pauses.of_lane("crm", "decide"), cause="operator", reason="x", now=START)
    house.webhook(house.won("1"))
    parse(house)
    assert (states(house), house.crm.looked) == ([("pending", 0)], 0)


def test_a_vendor_that_cannot_tell_now_uses_up_one_try(house):
    house.crm.knows("1", "marie@example.com")
    house.crm.looking = [RetryLater("down")]
    house.webhook(house.won("1"), house.won("2") | {"kind": "deal.lost"})
    parse(house)
    assert sorted(states(house)) == [("pending", 1), ("succeeded", 0)]
    waiting = next(row for row in rows(house, EventRow) if row.state == "pending")
    assert (waiting.last_error, waiting.due_at > START) == ("down", True)
    house.clock.forward("1m")
    house.run()
    assert house.states() == {"send_survey": "pending"}


def test_what_is_deferred_waits_in_its_lane(ledger, clock):
    house = House(ledger, clock, {"limits": {"when_blocked": "defer", "defer_at_most": "365d"}})
    house.crm.knows("1", "marie@example.com")
    house.webhook(house.won("1", deal="first", at=START - timedelta(hours=1)), house.won("1", deal="second"))
    parse(house)
    assert states(house) == [("succeeded", 0), ("pending", 0)]
    (deferred,) = [row for row in rows(house, DecisionRow) if row.verdict == "deferred"]
    assert rows(house, EventRow)[1].due_at == deferred.eligible_at


def test_news_of_people_themselves_are_applied_in_order(house):
    house.crm.knows("1", "marie@example.com")
    gone = house.won("1", at=START - timedelta(hours=1)) | {"kind": "contact.privacy_deleted", "id": "1"}
    house.webhook(gone, house.won("1"))
    parse(house)
    assert states(house) == [("pending", 0), ("pending", 0)]
    house.run()
    assert rows(house, InvitationRow) == []


def test_a_bug_in_deciding_loses_no_event(house, monkeypatch):
    house.crm.knows("1", "marie@example.com")

    def broken(*_arguments, **_more):
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(straight_through, "Sitting", broken)
        house.webhook(house.won("1"))
        parse(house)
    assert states(house) == [("pending", 0)]
    assert [row.state for row in rows(house, RawRequest)] == ["succeeded"]
    house.run()
    assert house.states() == {"send_survey": "pending"}


@pytest.mark.parametrize("webhooks", [1, 3])
def test_events_of_several_webhooks_are_decided_in_the_order_in_which_they_happened(house, webhooks):
    house.crm.knows("1", "marie@example.com")
    for number in range(webhooks):
        house.webhook(house.won("1", deal=str(number), at=START - timedelta(hours=number)))
    parse(house)
    first = rows(house, InvitationRow)[0].event_id
    assert rows(house, EventRow)[0].id == first
    assert rows(house, EventRow)[0].object_id == str(webhooks - 1)
