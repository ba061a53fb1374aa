"""What webhooks missed is found, taken in once, and counted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from support.application import ApplicationHarness
from support.fake_vendors import FakeCrm

from nps_connect import EventPage, RateLimited, RetryLater
from nps_connect.ledger.tables import EventRow
from nps_connect.services.intake.store_events import store_events
from nps_connect.services.operations.status import load_status, render_metrics


def missed(application: ApplicationHarness) -> int:
    with application.ledger.read() as session:
        return load_status(session, application.ctx.settings, application.clock()).connections["crm"].missed


def sources(application: ApplicationHarness) -> list[str]:
    with application.ledger.read() as session:
        return list(session.execute(select(EventRow.source).order_by(EventRow.id)).scalars())


def test_a_fact_that_no_webhook_told_is_taken_in_and_counted_once(application, clock):
    application.crm.knows("1", "marie@example.com")
    told, lost = application.won("1"), application.won("2")
    application.webhook(told)
    application.run()
    clock.forward("20m")
    page = EventPage(events=(FakeCrm.event(told), FakeCrm.event(lost)), cursor="a")
    application.crm.pages = [page]
    application.run()
    assert (missed(application), sources(application)) == (1, ["webhook", "reconcile"])
    clock.forward("20m")
    application.crm.pages = [page]
    application.webhook(lost)
    application.run()
    assert (missed(application), len(sources(application))) == (1, 2)


def test_a_webhook_that_is_only_on_its_way_is_not_missed(application):
    application.crm.pages = [EventPage(events=(FakeCrm.event(application.won("1")),), cursor="a")]
    application.run()
    assert (missed(application), sources(application)) == (0, ["reconcile"])


def test_in_an_outage_every_fact_counts_however_young_it_was_at_the_sweep(application, clock):
    for hour in range(4):
        told = application.won("late")
        facts = [
            application.won(f"{hour}-{minute}", at=clock() - timedelta(minutes=minute)) for minute in range(0, 15, 3)
        ]
        facts += [told] if hour == 2 else []
        application.crm.pages = [EventPage(events=tuple(map(FakeCrm.event, facts)), cursor=str(hour))]
        application.run()
        if hour == 2:
            clock.forward("2m")
            application.webhook(told)  # it was only on its way
            application.run()
        clock.forward("15m")
    application.run()
    assert (missed(application), len(sources(application))) == (20, 21)


@pytest.mark.parametrize("error", [RetryLater("down"), RateLimited("slow")])
def test_a_failure_is_tried_again_from_the_same_cursor(application, clock, error):
    application.crm.pages = [error]
    application.run()
    clock.forward("20m")
    lost = FakeCrm.event(application.won("1", at=clock() - timedelta(hours=1)))
    application.crm.pages = [EventPage(events=(lost,), cursor="b", more=True), EventPage(cursor="c")]
    application.run()
    assert missed(application) == 1


def test_the_age_of_the_last_event_and_the_missed_are_in_the_metrics(application, clock):
    application.webhook(application.won("1"))
    application.run()
    clock.forward("2h")
    with application.ledger.read() as session:
        text = render_metrics(load_status(session, application.ctx.settings, clock()))
    assert 'nps_connect_last_event_age_seconds{connection="crm"} 7200' in text
    assert 'nps_connect_events_missed{connection="crm"} 0' in text


def test_a_connection_that_never_told_anything_is_in_the_metrics_too(application, clock):
    with application.ledger.read() as session:
        text = render_metrics(load_status(session, application.ctx.settings, clock()))
    assert 'nps_connect_last_event_age_seconds{connection="crm"} +Inf' in text


def test_people_of_a_campaign_who_wait_to_be_decided_are_told_on_a_channel(application, clock):
    with application.ledger.write() as session:
        store_events(application.ctx, session, "mail", [FakeCrm.event(application.won("1"))], source="manual")
        session.execute(update(EventRow).values(state="pending"))
    with application.ledger.read() as session:
        assert load_status(session, application.ctx.settings, clock()).connections["mail"].undecided == 1
