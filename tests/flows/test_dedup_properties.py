"""Any multiset and order of webhooks, resends, polls, reconcile sweeps and replays of the same facts: the same ledger."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import cache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from support.clock import START, SteadyClock
from support.emptying import emptied
from support.examples import whole_house
from support.house import House
from support.vendors import Crm

from nps_connect import EventPage
from nps_connect.flows.intake.reconcile import reconcile
from nps_connect.flows.intake.replay import replay
from nps_connect.flows.intake.storing import take_in
from nps_connect.ledger.columns import Base
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import (
    ContactRow,
    CooldownRow,
    DecisionRow,
    DeliveryRow,
    EventRow,
    InvitationRow,
    RawRequest,
)

FACTS = [
    ("1", "deal-1", timedelta(hours=1), 500),
    ("2", "deal-2", timedelta(days=2), 50),
    ("3", "deal-3", timedelta(days=9), 500),
    ("4", "deal-4", timedelta(0), None),
    ("5", "deal-5", timedelta(minutes=5), 500),
    ("unknown", "deal-6", timedelta(minutes=5), 500),
]
"""Person, deal, age and amount: with the configuration below they lead to all kinds of decisions."""

CHANGE = {
    "triggers": [
        {"on": "deal.won", "from": "crm", "survey": "after-purchase", "name": "large", "where": "amount >= 100"},
        {"on": "deal.won", "from": "crm", "survey": "after-purchase", "name": "any", "delay": "2d", "priority": -1},
    ]
}
TELLINGS = st.lists(
    st.tuples(
        st.sampled_from(["webhook", "webhook", "poll", "reconcile", "replay", "replay_raw", "work"]),
        st.lists(st.integers(0, len(FACTS) - 1), min_size=1, max_size=8),
    ),
    max_size=10,
)


def house_of(ledger) -> House:
    house = House(emptied(ledger), SteadyClock(), CHANGE)
    house.crm.knows("1", "marie@example.com")
    house.crm.knows("2", "paul@example.com")
    house.crm.knows("3", "anne@example.com")
    house.crm.knows("4", None)
    house.crm.knows("5", "luc@example.com", opted_out=True)
    return house


def tell(house: House, way: str, numbers: list[int]) -> None:
    facts = [_fact(house, number) for number in numbers]
    events = tuple(Crm.event(fact) for fact in facts)
    if way == "webhook":
        house.webhook(*facts)
    elif way == "poll":
        with house.ledger.write() as session:
            take_in(house.ctx, session, "crm", events, source="poll")
    elif way == "reconcile":
        house.crm.pages = [EventPage(events=events, cursor="a")]
        reconcile(house.ctx, "reconcile:crm", "crm", {})
    elif way in ("replay", "replay_raw"):
        table = EventRow if way == "replay" else RawRequest
        with house.ledger.write() as session:
            replay(session, table, list(session.execute(select(table.id)).scalars()), house.clock())
    else:
        house.run(only="crm/")


def _fact(house: House, number: int) -> dict[str, Any]:
    person, deal, age, amount = FACTS[number]
    return house.won(person, deal=deal, at=START - age, **({} if amount is None else {"amount": amount}))


def content(house: House) -> dict[str, Any]:
    """What the ledger holds, without ids and without who was the first to tell it."""
    with house.ledger.read() as session:

        def every(table: Any) -> list[Any]:
            return list(session.execute(select(table)).scalars())

        people = {row.id: row.vendor_id for row in every(ContactRow)}
        keys = {row.id: row.key for row in every(EventRow)}
        mailboxes = {row.mailbox: row.vendor_id for row in every(ContactRow)}
        return {
            "events": sorted(
                (row.key, row.state, row.kind, row.occurred_at, str(row.record)) for row in every(EventRow)
            ),
            "contacts": sorted((row.vendor_id, row.email or "", row.opted_out) for row in every(ContactRow)),
            "decisions": sorted(
                (keys[row.event_id], row.trigger, people.get(row.contact_id, ""), row.verdict, row.reason, row.detail)
                for row in every(DecisionRow)
            ),
            "invitations": sorted(
                (keys[row.event_id], row.trigger, people[row.contact_id], row.state, row.due_at)
                for row in every(InvitationRow)
            ),
            "deliveries": sorted(
                (row.key, row.state, row.due_at, people[row.contact_id]) for row in every(DeliveryRow)
            ),
            "cooldowns": sorted(
                (mailboxes.get(row.subject[2:]) or people[int(row.subject[2:])], row.subject[0], row.until)
                for row in every(CooldownRow)
            ),
        }


@cache
def plainly_told() -> dict[str, Any]:
    """The ledger after one webhook with every fact."""
    ledger = Ledger("sqlite://")
    Base.metadata.create_all(ledger.engine)
    house = house_of(ledger)
    tell(house, "webhook", list(range(len(FACTS))))
    house.run(only="crm/")
    told = content(house)
    ledger.close()
    return told


@whole_house(10)
@given(tellings=TELLINGS, seed=st.integers(0, 1000))
def test_the_same_facts_told_in_any_way_give_the_same_ledger(ledger, tellings, seed):
    wanted = plainly_told()
    assert {reason for *_, reason, _ in wanted["decisions"]} >= {
        "surveyed",
        "filter",
        "too_old",
        "no_contact",
        "outranked",
    }
    house = house_of(ledger)
    for way, numbers in tellings:
        tell(house, way, numbers)
    rest = list(range(len(FACTS)))
    random.Random(seed).shuffle(rest)
    tell(house, "webhook", rest)
    house.run(only="crm/")
    assert content(house) == wanted


@whole_house(6)
@given(tellings=TELLINGS)
def test_telling_known_facts_again_changes_nothing(ledger, tellings):
    house = house_of(ledger)
    tell(house, "webhook", list(range(len(FACTS))))
    house.run(only="crm/")
    before = content(house)
    for way, numbers in tellings:
        tell(house, way, numbers)
    house.run(only="crm/")
    assert content(house) == before
    assert len(before["events"]) == len(FACTS)
