"""Score alarms: recorded and told once, to the recipients of the digest, and ended when the score is back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select
from support.application import ApplicationHarness

from nps_connect.ledger.daily_figures import CountedResponse, add_to_figures, response_figures
from nps_connect.ledger.digests import ScoreAlarmRow
from nps_connect.services.operations.ledger_findings import load_findings
from nps_connect.services.reports.score_alarms import compare_series
from nps_connect.worker.jobs import build_jobs

MONDAY = date(2026, 11, 16)
CALM = {9: 20, 8: 12, 3: 8}
BAD = {9: 4, 8: 6, 3: 30}
DIGEST = {"management": ["boss@example.com"]}


def add_weeks(application, weeks):
    """Add counts by score for the weeks that end before `MONDAY`, the newest last."""
    figures = {}
    for age, counts in enumerate(reversed(weeks), start=1):
        at = datetime(2026, 11, 16, 12, tzinfo=UTC) - timedelta(weeks=age) + timedelta(days=2)
        for score, count in counts.items():
            response = CountedResponse(at, "after-purchase", "after-purchase", "fr", "web", score)
            figures |= dict.fromkeys(response_figures(application.ctx.settings.core.zone, response), count)
    with application.ledger.write() as session:
        add_to_figures(session, figures)


def alarms(application):
    with application.ledger.read() as session:
        return session.execute(select(ScoreAlarmRow).order_by(ScoreAlarmRow.id)).scalars().all()


def test_a_drop_is_recorded_and_told_once_and_ends_when_the_score_is_back(build):
    application = build()
    add_weeks(application, [*[CALM] * 29, BAD])
    assert compare_series(application.ctx, MONDAY) == ["company"]
    assert compare_series(application.ctx, MONDAY) == []
    application.run(only="send_fallback")
    mails = application.post.sent("fallback")
    assert {mail.to.email for mail in mails} == {"boss@example.com", "Second@example.com"}
    assert len(mails) == 2
    assert mails[0].subject == "Exemple SA\u00a0: Toute l’entreprise\u00a0: le score a baissé de 95 points"
    (alarm,) = alarms(application)
    assert (alarm.window_days, alarm.recent_score, alarm.earlier_score) == (7, -65.0, 30.0)
    with application.ledger.read() as session:
        findings = load_findings(session, application.ctx.settings, application.clock())
    (finding,) = [finding for finding in findings if finding.id == "score-down"]
    assert "down 95 points" in finding.text
    assert compare_series(application.ctx, MONDAY + timedelta(weeks=6)) == []
    assert alarms(application)[0].ended_at is not None
    with application.ledger.read() as session:
        findings = load_findings(session, application.ctx.settings, application.clock())
    assert not [finding for finding in findings if finding.id == "score-down"]


def test_an_unchanged_score_raises_nothing(build):
    application = build()
    add_weeks(application, [CALM] * 30)
    assert compare_series(application.ctx, MONDAY) == []
    assert alarms(application) == []


def test_without_a_digest_the_fallback_address_is_told_outside_of_quiet_hours(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"limits": {"quiet_hours": "08:00-14:00"}})
    add_weeks(application, [*[CALM] * 29, BAD])
    compare_series(application.ctx, MONDAY)
    application.run(only="send_fallback")
    assert application.post.sent("fallback") == []
    clock.forward("4h")
    application.run(only="send_fallback")
    assert [mail.to.email for mail in application.post.sent("fallback")] == ["care@example.com"]


def test_the_job_compares_once_a_week_and_can_be_switched_off(build, clock):
    application = build()
    add_weeks(application, [*[CALM] * 29, BAD])
    application.run(only="jobs")
    clock.forward("1d")
    application.run(only="jobs")
    assert len(alarms(application)) == 1
    assert "score_alarms" in build_jobs(application.ctx)
    assert "score_alarms" not in build_jobs(build(digest={**DIGEST, "score_alarms": False}).ctx)
