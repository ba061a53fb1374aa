"""What webhooks missed is found, taken in once, and counted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from support.house import House
from support.vendors import Crm

from nps_connect import EventPage, RateLimited, RetryLater
from nps_connect.flows.intake.parse import take_in
from nps_connect.flows.minding.status import as_metrics, status
from nps_connect.ledger.tables import EventRow


def missed(house: House) -> int:
    with house.ledger.read() as session:
        return status(session, house.ctx.settings, house.clock()).connections["crm"].missed


def sources(house: House) -> list[str]:
    with house.ledger.read() as session:
        return list(session.execute(select(EventRow.source).order_by(EventRow.id)).scalars())


def test_a_fact_that_no_webhook_told_is_taken_in_and_counted_once(house, clock):
    house.crm.knows("1", "marie@example.com")
    told, lost = house.won("1"), house.won("2")
    house.webhook(told)
    house.run()
    clock.forward("20m")
    page = EventPage(events=(Crm.event(told), Crm.event(lost)), cursor="a")
    house.crm.pages = [page]
    house.run()
    assert (missed(house), sources(house)) == (1, ["webhook", "reconcile"])
    clock.forward("20m")
    house.crm.pages = [page]
    house.webhook(lost)
    house.run()
    assert (missed(house), len(sources(house))) == (1, 2)


def test_a_webhook_that_is_only_on_its_way_is_not_missed(house):
    house.crm.pages = [EventPage(events=(Crm.event(house.won("1")),), cursor="a")]
    house.run()
    assert (missed(house), sources(house)) == (0, ["reconcile"])


def test_in_an_outage_every_fact_counts_however_young_it_was_at_the_sweep(house, clock):
    for hour in range(4):
        told = house.won("late")
        facts = [house.won(f"{hour}-{minute}", at=clock() - timedelta(minutes=minute)) for minute in range(0, 15, 3)]
        facts += [told] if hour == 2 else []
        house.crm.pages = [EventPage(events=tuple(map(Crm.event, facts)), cursor=str(hour))]
        house.run()
        if hour == 2:
            clock.forward("2m")
            house.webhook(told)  # it was only on its way
            house.run()
        clock.forward("15m")
    house.run()
    assert (missed(house), len(sources(house))) == (20, 21)


@pytest.mark.parametrize("error", [RetryLater("down"), RateLimited("slow")])
def test_a_failure_is_tried_again_from_the_same_cursor(house, clock, error):
    house.crm.pages = [error]
    house.run()
    clock.forward("20m")
    lost = Crm.event(house.won("1", at=clock() - timedelta(hours=1)))
    house.crm.pages = [EventPage(events=(lost,), cursor="b", more=True), EventPage(cursor="c")]
    house.run()
    assert missed(house) == 1


def test_the_age_of_the_last_event_and_the_missed_are_in_the_metrics(house, clock):
    house.webhook(house.won("1"))
    house.run()
    clock.forward("2h")
    with house.ledger.read() as session:
        text = as_metrics(status(session, house.ctx.settings, clock()))
    assert 'nps_connect_last_event_age_seconds{connection="crm"} 7200' in text
    assert 'nps_connect_events_missed{connection="crm"} 0' in text


def test_a_connection_that_never_told_anything_is_in_the_metrics_too(house, clock):
    with house.ledger.read() as session:
        text = as_metrics(status(session, house.ctx.settings, clock()))
    assert 'nps_connect_last_event_age_seconds{connection="crm"} +Inf' in text


def test_people_of_a_campaign_who_wait_to_be_decided_are_told_on_a_channel(house, clock):
    with house.ledger.write() as session:
        take_in(house.ctx, session, "mail", [Crm.event(house.won("1"))], source="manual")
        session.execute(update(EventRow).values(state="pending"))
    with house.ledger.read() as session:
        assert status(session, house.ctx.settings, clock()).connections["mail"].undecided == 1
