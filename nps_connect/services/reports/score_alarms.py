"""Alarms about scores: once a week each series is compared with its past, see `rules.score_alarm`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from nps_connect.ledger.digests import ScoreAlarmRow
from nps_connect.ledger.response_dimensions import TEAM
from nps_connect.ledger.upserts import insert_many
from nps_connect.rendering.notices import render_score_drop
from nps_connect.rules.score_alarm import HISTORY_WEEKS, ScoreDrop, WeekCounts, find_drop
from nps_connect.rules.score_counts import BucketCounts
from nps_connect.rules.staff_privacy import SMALL_TEAM_MEMBERS
from nps_connect.rules.timing import local_date
from nps_connect.services.context import Context
from nps_connect.services.notices.staff_notices import notify_once
from nps_connect.services.reports.counts import count_by_bucket, count_by_dimension_and_bucket
from nps_connect.services.reports.digest_content import team_label
from nps_connect.services.reports.digest_recipients import load_recipients
from nps_connect.services.reports.filters import ResponseFilter

log = logging.getLogger(__name__)

ALARM_INTERVAL = timedelta(hours=1)
COMPANY = "company"
TEAM_PREFIX = "team:"


def raise_score_alarms(ctx: Context, memo: dict[str, Any]) -> timedelta:
    """Compare every series after the end of a week, record new alarms and notify staff once of each.

    Args:
        ctx: the application context.
        memo: of the job: the Monday of the last comparison.

    Returns:
        The delay until the next run.
    """
    today = local_date(ctx.clock(), ctx.settings.core.zone)
    monday = today - timedelta(days=today.weekday())
    if memo.get("week") != monday.isoformat():
        compare_series(ctx, monday)
        memo["week"] = monday.isoformat()
    return ALARM_INTERVAL


def compare_series(ctx: Context, monday: date) -> list[str]:
    """Compare every series in the weeks before a Monday; return those with a new alarm."""
    with ctx.ledger.read() as session:
        weeks_by_series = load_series(ctx, session, monday)
        open_series = set(
            session.execute(select(col(ScoreAlarmRow.series)).where(col(ScoreAlarmRow.ended_at).is_(None))).scalars()
        )
    drops = {series: find_drop(weeks, len(weeks_by_series)) for series, weeks in weeks_by_series.items()}
    ended = [series for series in open_series if drops.get(series) is None]
    raised = {series: drop for series, drop in drops.items() if drop is not None and series not in open_series}
    queue_names: set[str] = set()
    if ended or raised:
        with ctx.ledger.write() as session:
            _end_alarms(ctx, session, ended)
            for series, drop in raised.items():
                queue_names |= _raise_alarm(ctx, session, series, monday, drop)
    for queue_name in queue_names:
        ctx.wake(queue_name)
    return list(raised)


def load_series(ctx: Context, session: Session, monday: date) -> dict[str, list[WeekCounts]]:
    """Return the weekly counts of the company and of each team that is no figure about staff, oldest week first."""
    zone = ctx.settings.core.zone
    period = ResponseFilter().during(monday - timedelta(weeks=HISTORY_WEEKS), monday, zone)
    series = {COMPANY: _weeks(count_by_bucket(session, zone, period, "week"))}
    watched = [name for name, team in ctx.settings.teams.items() if len(team.members) >= SMALL_TEAM_MEMBERS]
    if watched:
        by_team = count_by_dimension_and_bucket(session, zone, period, TEAM, "week")
        series |= {f"{TEAM_PREFIX}{name}": _weeks(by_team.get(name, ())) for name in watched}
    return series


def _weeks(buckets: Sequence[BucketCounts]) -> list[WeekCounts]:
    counts = [bucket.counts for bucket in buckets]
    return [WeekCounts(count.promoters, count.passives, count.detractors) for count in counts]


def _end_alarms(ctx: Context, session: Session, series: Sequence[str]) -> None:
    is_over = col(ScoreAlarmRow.series).in_(series) & col(ScoreAlarmRow.ended_at).is_(None)
    session.execute(
        update(ScoreAlarmRow).where(is_over).values(ended_at=ctx.clock()).execution_options(synchronize_session=False)
    )


def _raise_alarm(ctx: Context, session: Session, series: str, monday: date, drop: ScoreDrop) -> set[str]:
    """Record an alarm and notify the recipients of the digest; return the queues with new work."""
    row = {
        "series": series,
        "week": monday,
        "window_days": drop.window_weeks * 7,
        "points": drop.difference.points,
        "recent_score": drop.recent.score,
        "earlier_score": drop.earlier.score,
        "recent_responses": drop.recent.responses,
        "earlier_responses": drop.earlier.responses,
        "raised_at": ctx.clock(),
    }
    if not insert_many(session, ScoreAlarmRow, [row], skip_existing=("series", "week"), returning=("series",)):
        return set()
    log.warning("score_down series=%s points=%s finding=score-down", series, drop.difference.points)
    scope = series.removeprefix(TEAM_PREFIX) if series != COMPANY else ""
    configured = ctx.settings.digest_recipients.get(scope, ())
    return notify_once(
        ctx,
        session,
        f"score:{series}:{monday}",
        render_score_drop(ctx.settings.core.language, team=team_label(ctx, scope) if scope else None, drop=drop),
        finding="score-down",
        recipients=list(load_recipients(session, configured, scope).values()),
        is_urgent=False,
    )
