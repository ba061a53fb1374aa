"""Findings that follow from the ledger alone: silence against a connection's habit, overdue deliveries, failed polls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from support.application import ApplicationHarness

from nps_connect.ledger.tables import EventRow
from nps_connect.ledger.workers import JobRow
from nps_connect.services.operations.ledger_findings import load_findings

MONDAY_NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
NEVER_DUE = datetime(2026, 1, 1, tzinfo=UTC)


def add_events(ledger, *moments):
    with ledger.write() as session:
        for moment in moments:
            names = {"queue_name": "crm/decide", "connection": "crm", "key": f"{moment:%s}", "kind": "deal.won"}
            times = {"due_at": NEVER_DUE, "occurred_at": moment, "received_at": moment}
            session.add(EventRow(**names, **times, state="succeeded", object_id="1", source="webhook", record={}))


def findings_by_id(application, clock):
    with application.ledger.read() as session:
        findings = load_findings(session, application.ctx.settings, clock())
    return {finding.id: finding for finding in findings if finding.severity != "ok" and finding.subject == "crm"}


def test_silence_in_usual_hours_is_reported_with_the_weeks_before_and_a_weekend_is_not(ledger, clock):
    application = ApplicationHarness(ledger, clock)
    last = MONDAY_NOON - timedelta(hours=3)
    mornings = [
        last + timedelta(minutes=20 * number) - timedelta(weeks=week) for week in range(1, 6) for number in range(9)
    ]
    add_events(ledger, last, *mornings)
    clock.now = MONDAY_NOON
    finding = findings_by_id(application, clock)["webhook-silence"]
    assert finding.text == "no event for 3 hours; in the same hours of the weeks before: 9, 9, 9, 9"
    add_events(ledger, MONDAY_NOON)
    clock.now = MONDAY_NOON + timedelta(hours=20)
    assert "webhook-silence" not in findings_by_id(application, clock)


def test_events_that_cannot_be_fetched_make_a_connection_fail(ledger, clock):
    application = ApplicationHarness(ledger, clock)
    memo = {"failure": {"since": (clock() - timedelta(hours=2)).isoformat(), "reason": "HTTP 503"}}
    with ledger.write() as session:
        session.add(JobRow(name="poll:crm", queue_name="crm/poll", due_at=clock(), state="pending", memo=memo))
    finding = findings_by_id(application, clock)["connection-failing"]
    assert finding.text == "events cannot be fetched since 2 hours: HTTP 503"
