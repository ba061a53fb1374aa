"""A trigger that would reach far more people than usual is held; one with a high baseline is not."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness

from nps_connect.ledger.tables import DecisionRow, EventRow
from nps_connect.services.intake.replay import replay

LIMITS = {"unusual": 2, "unusual_factor": 3, "unusual_within": "1d", "cooldown": "90d", "surveys_per_day": 1000}


@pytest.fixture
def busy(ledger, clock) -> ApplicationHarness:
    """An application whose trigger reached two people a day for four weeks."""
    application = ApplicationHarness(ledger, clock, {"limits": LIMITS})
    for day in range(28):
        buy(application, f"day{day}", 2)
        clock.forward("1d")
    return application


def buy(application: ApplicationHarness, mark: str, people: int) -> None:
    for number in range(people):
        application.crm.knows(f"{mark}-{number}", f"{mark}-{number}@example.com")
    application.webhook(*(application.won(f"{mark}-{number}") for number in range(people)))
    application.run(only="crm/")


def verdicts(application: ApplicationHarness, newest: int) -> list[tuple[str, str]]:
    with application.ledger.read() as session:
        rows = session.execute(select(DecisionRow).order_by(DecisionRow.id)).scalars()
        return [(row.verdict, row.detail) for row in rows][-newest:]


def test_volume_above_the_factor_is_held(busy):
    assert {verdict for verdict, _ in verdicts(busy, 56)} == {"yes"}
    buy(busy, "flood", 8)
    decided_verdicts = verdicts(busy, 8)
    assert [verdict for verdict, _ in decided_verdicts] == ["yes"] * 6 + ["held"] * 2
    assert "reached 6 people within 1d, unusual is 2 and 3 times its average of 2;" in decided_verdicts[-1][1]


def test_trigger_without_baseline_uses_minimum_threshold(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"limits": LIMITS})
    buy(application, "flood", 4)
    assert [verdict for verdict, _ in verdicts(application, 4)] == ["yes", "yes", "held", "held"]


def test_event_held_for_a_trigger_is_refused_to_lower_priority(ledger, clock):
    high = {"name": "high", "on": "deal.won", "from": "crm", "survey": "after-purchase", "priority": 5}
    application = ApplicationHarness(
        ledger, clock, {"limits": LIMITS, "triggers": [{**high, "name": "low", "priority": 1}, high]}
    )
    buy(application, "flood", 4)
    with application.ledger.read() as session:
        rows = session.execute(select(DecisionRow.trigger, DecisionRow.verdict, DecisionRow.reason)).all()
    decisions = sorted(tuple(row) for row in rows)
    assert decisions[:2] == [("high", "held", "unusual")] * 2
    assert decisions[2:4] == [("high", "yes", "surveyed")] * 2
    assert decisions[4:] == [("low", "no", "outranked")] * 4


def test_held_event_decided_again_is_still_refused_to_lower_priority(ledger, clock):
    high = {"name": "high", "on": "deal.won", "from": "crm", "survey": "after-purchase", "priority": 5}
    application = ApplicationHarness(ledger, clock, {"limits": LIMITS, "triggers": [high]})
    buy(application, "flood", 4)
    after = ApplicationHarness(
        ledger, clock, {"limits": LIMITS, "triggers": [high, {**high, "name": "low", "priority": 1}]}
    )
    after.crm.people = application.crm.people
    with ledger.write() as session:
        replay(session, EventRow, list(session.execute(select(EventRow.id)).scalars()), clock())
    after.run(only="crm/")
    with ledger.read() as session:
        rows = session.execute(select(DecisionRow.reason).where(DecisionRow.trigger == "low")).scalars().all()
    assert rows == ["outranked"] * 4
