"""Any order and repetition of webhooks, polls, reconciliation and replays of the same facts gives the same ledger."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import cache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from support.application import ApplicationHarness
from support.clean_db import delete_all_rows
from support.clock import START, ManualClock
from support.fake_vendors import FakeCrm
from support.hypothesis_settings import ledger_settings

from nps_connect import EventPage
from nps_connect.ledger.columns import Base
from nps_connect.ledger.cooldowns import CooldownRow
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import ContactRow, DecisionRow, DeliveryRow, EventRow, InvitationRow, RawRequest
from nps_connect.services.intake.reconcile import reconcile
from nps_connect.services.intake.replay import replay
from nps_connect.services.intake.store_events import store_events

FACTS = [
    ("1", "deal-1", timedelta(hours=1), 500),
    ("2", "deal-2", timedelta(days=2), 50),
    ("3", "deal-3", timedelta(days=9), 500),
    ("4", "deal-4", timedelta(0), None),
    ("5", "deal-5", timedelta(minutes=5), 500),
    ("unknown", "deal-6", timedelta(minutes=5), 500),
]
"""Person, deal, age and amount; together they lead to every kind of decision."""

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


def house_of(ledger) -> ApplicationHarness:
    application = ApplicationHarness(delete_all_rows(ledger), ManualClock(), CHANGE)
    application.crm.knows("1", "marie@example.com")
    application.crm.knows("2", "paul@example.com")
    application.crm.knows("3", "anne@example.com")
    application.crm.knows("4", None)
    application.crm.knows("5", "luc@example.com", opted_out=True)
    return application


def tell(application: ApplicationHarness, way: str, numbers: list[int]) -> None:
    facts = [_fact(application, number) for number in numbers]
    events = tuple(FakeCrm.event(fact) for fact in facts)
    if way == "webhook":
        application.webhook(*facts)
    elif way == "poll":
        with application.ledger.write() as session:
            store_events(application.ctx, session, "crm", events, source="poll")
    elif way == "reconcile":
        application.crm.pages = [EventPage(events=events, cursor="a")]
        reconcile(application.ctx, "reconcile:crm", "crm", {})
    elif way in ("replay", "replay_raw"):
        table = EventRow if way == "replay" else RawRequest
        with application.ledger.write() as session:
            replay(session, table, list(session.execute(select(table.id)).scalars()), application.clock())
    else:
        application.run(only="crm/")


def _fact(application: ApplicationHarness, number: int) -> dict[str, Any]:
    person, deal, age, amount = FACTS[number]
    return application.won(person, deal=deal, at=START - age, **({} if amount is None else {"amount": amount}))


def content(application: ApplicationHarness) -> dict[str, Any]:
    """Contents of the ledger without ids and sources."""
    with application.ledger.read() as session:

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
    """Contents of the ledger after one webhook with every fact."""
    ledger = Ledger("sqlite://")
    Base.metadata.create_all(ledger.engine)
    application = house_of(ledger)
    tell(application, "webhook", list(range(len(FACTS))))
    application.run(only="crm/")
    contents = content(application)
    ledger.close()
    return contents


@ledger_settings(10)
@given(deliveries_of_facts=TELLINGS, seed=st.integers(0, 1000))
def test_ledger_is_independent_of_how_facts_arrive(ledger, deliveries_of_facts, seed):
    expected = plainly_told()
    assert {reason for *_, reason, _ in expected["decisions"]} >= {
        "surveyed",
        "filter",
        "too_old",
        "no_contact",
        "outranked",
    }
    application = house_of(ledger)
    for way, numbers in deliveries_of_facts:
        tell(application, way, numbers)
    remaining = list(range(len(FACTS)))
    random.Random(seed).shuffle(remaining)
    tell(application, "webhook", remaining)
    application.run(only="crm/")
    assert content(application) == expected


@ledger_settings(6)
@given(deliveries_of_facts=TELLINGS)
def test_duplicate_facts_change_nothing(ledger, deliveries_of_facts):
    application = house_of(ledger)
    tell(application, "webhook", list(range(len(FACTS))))
    application.run(only="crm/")
    before = content(application)
    for way, numbers in deliveries_of_facts:
        tell(application, way, numbers)
    application.run(only="crm/")
    assert content(application) == before
    assert len(before["events"]) == len(FACTS)
