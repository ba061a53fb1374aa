"""The funnel narrows step by step, and the response rate waits until the answers have arrived."""

from __future__ import annotations

from datetime import timedelta

from support.application import ApplicationHarness

from nps_connect.ledger.tables import ResponseRow
from nps_connect.records.base import NPS_SCALE
from nps_connect.sandbox.demo_history import insert_demo_history
from nps_connect.services.contacts.store import confirmed_clause
from nps_connect.services.reports.survey_funnel import (
    SurveyCohort,
    limit_cohort,
    load_funnel,
    load_response_speed,
)


def test_funnel_narrows_and_the_rate_waits_for_answers(ledger, clock) -> None:
    harness = ApplicationHarness(ledger, clock)
    insert_demo_history(harness.app.ctx, responses=150)
    now = harness.clock()
    with harness.ledger.read() as session:
        year = SurveyCohort(now - timedelta(days=366), now)
        whole = load_funnel(session, year).funnel
        steps = [whole.decided, whole.sent, whole.arrived, whole.opened, whole.answered, whole.confirmed]
        assert steps == sorted(steps, reverse=True)
        assert whole.sent > whole.arrived > whole.opened > whole.answered > whole.confirmed > 0
        assert load_funnel(session, SurveyCohort(now, now + timedelta(days=1))).funnel.decided == 0
        assert load_funnel(session, SurveyCohort(now - timedelta(days=366), now, survey="other")).funnel.decided == 0
        speed = load_response_speed(session, [confirmed_clause(), ResponseRow.scale == NPS_SCALE])
        assert speed is not None
        assert timedelta(0) < speed.median <= speed.complete_after
        rate = load_funnel(session, year, now - speed.complete_after).rate
        assert rate.cohort_end == now - speed.complete_after
        assert rate.share is not None
        assert limit_cohort(session, year) == year
        assert rate.arrived < whole.arrived
        assert 0 < rate.share < 1
        young = load_funnel(session, SurveyCohort(now - timedelta(hours=1), now), now - speed.complete_after).rate
        assert young.share is None
