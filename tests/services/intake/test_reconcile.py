"""Reconciliation stores events that webhooks missed, once, and counts them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from support.application import ApplicationHarness
from support.fake_vendors import FakeCrm

from nps_connect import EventPage, RateLimited, RetryLater
from nps_connect.ledger.tables import EventRow
from nps_connect.services.intake.store_events import store_events
from nps_connect.services.operations.metrics import render_metrics
from nps_connect.services.operations.status import load_status


def missed(application: ApplicationHarness) -> int:
    with application.ledger.read() as session:
        return load_status(session, application.ctx.settings, application.clock()).connections["crm"].missed


def sources(application: ApplicationHarness) -> list[str]:
    with application.ledger.read() as session:
        return list(session.execute(select(EventRow.source).order_by(EventRow.id)).scalars())


def test_missed_event_is_stored_and_counted_once(application, clock):
    application.crm.knows("1", "marie@example.com")
    reported, lost = application.won("1"), application.won("2")
    application.webhook(reported)
    application.run()
    clock.forward("20m")
    page = EventPage(events=(FakeCrm.event(reported), FakeCrm.event(lost)), cursor="a")
    application.crm.pages = [page]
    application.run()
    assert (missed(application), sources(application)) == (1, ["webhook", "reconcile"])
    clock.forward("20m")
    application.crm.pages = [page]
    application.webhook(lost)
    application.run()
    assert (missed(application), len(sources(application))) == (1, 2)


def test_delayed_webhook_is_not_counted_as_missed(application):
    application.crm.pages = [EventPage(events=(FakeCrm.event(application.won("1")),), cursor="a")]
    application.run()
    assert (missed(application), sources(application)) == (0, ["reconcile"])


def test_recent_events_are_counted_after_the_grace_period(application, clock):
    for hour in range(4):
        reported = application.won("late")
        facts = [
            application.won(f"{hour}-{minute}", at=clock() - timedelta(minutes=minute)) for minute in range(0, 15, 3)
        ]
        facts += [reported] if hour == 2 else []
        application.crm.pages = [EventPage(events=tuple(map(FakeCrm.event, facts)), cursor=str(hour))]
        application.run()
        if hour == 2:
            clock.forward("2m")
            application.webhook(reported)  # it was only on its way
            application.run()
        clock.forward("15m")
    application.run()
    assert (missed(application), len(sources(application))) == (20, 21)


@pytest.mark.parametrize("error", [RetryLater("down"), RateLimited("slow")])
def test_failure_is_retried_from_the_same_cursor(application, clock, error):
    application.crm.pages = [error]
    application.run()
    clock.forward("20m")
    lost = FakeCrm.event(application.won("1", at=clock() - timedelta(hours=1)))
    application.crm.pages = [EventPage(events=(lost,), cursor="b", more=True), EventPage(cursor="c")]
    application.run()
    assert missed(application) == 1


def test_metrics_have_last_event_age_and_missed_webhooks(application, clock):
    application.webhook(application.won("1"))
    application.run()
    clock.forward("2h")
    with application.ledger.read() as session:
        text = render_metrics(load_status(session, application.ctx.settings, clock()))
    assert 'nps_connect_last_event_age_seconds{connection="crm"} 7200' in text
    assert 'nps_connect_events_missed{connection="crm"} 0' in text


def test_metrics_include_connections_without_events(application, clock):
    with application.ledger.read() as session:
        text = render_metrics(load_status(session, application.ctx.settings, clock()))
    assert 'nps_connect_last_event_age_seconds{connection="crm"} +Inf' in text


def test_pending_campaign_events_are_reported_for_a_channel(application, clock):
    with application.ledger.write() as session:
        store_events(application.ctx, session, "mail", [FakeCrm.event(application.won("1"))], source="manual")
        session.execute(update(EventRow).values(state="pending"))
    with application.ledger.read() as session:
        assert load_status(session, application.ctx.settings, clock()).connections["mail"].undecided == 1
