"""What a digest says: read from the ledger, in one read transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta, tzinfo

from sqlalchemy import func, select
from sqlmodel import Session, col

from nps_connect.ledger.tables import InvitationRow, ResponseRow
from nps_connect.records.base import SEGMENT_BY_SCORE
from nps_connect.rendering.digest import DigestComment, DigestContent, DigestGroup, DigestTrend
from nps_connect.rendering.digest_chart import TrendPoint
from nps_connect.rules.digest_period import DigestPeriod
from nps_connect.rules.dimensions import LOCATION
from nps_connect.rules.nps_arithmetic import compute_difference
from nps_connect.rules.report_period import ReportPeriod, default_period, previous_period, standard_period, trend_unit
from nps_connect.rules.score_counts import ScoreCounts, merge_buckets
from nps_connect.rules.timing import local_date
from nps_connect.services.context import Context
from nps_connect.services.reports.comparisons import GroupFigure, compare_groups
from nps_connect.services.reports.counts import count_by_bucket, count_scores
from nps_connect.services.reports.digest_calls import load_digest_calls, location_of_response
from nps_connect.services.reports.filters import NOT_STATED, ResponseFilter

MAX_CALLS = 5
MAX_GROUPS = 12
MAX_COMMENTS = 3
NEWEST_COMMENTS = 60


def load_content(ctx: Context, session: Session, period: DigestPeriod, scope: str) -> DigestContent:
    """Return what the digest of a period says about a team, or about the whole company.

    Args:
        ctx: the application context.
        session: for reading.
        period: the week or month.
        scope: name of the team, or empty.
    """
    zone, now = ctx.settings.core.zone, ctx.clock()
    every = ResponseFilter(team=scope or None)
    recent = ResponseFilter(start=period.start, end=period.end, team=scope or None)
    last_day = local_date(period.end - timedelta.resolution, zone)
    shown = default_period(last_day, lambda day: _count(session, zone, every, day, last_day).responses)
    figure = _count(session, zone, every, shown.start, shown.last_day).figure()
    before = previous_period(shown)
    earlier = _count(session, zone, every, before.start, before.last_day).figure()
    calls, calls_total = load_digest_calls(ctx, session, every, MAX_CALLS)
    return DigestContent(
        every="week" if period.name.startswith("week") else "month",
        team=team_label(ctx, scope) if scope else None,
        first_day=local_date(period.start, zone),
        last_day=last_day,
        responses=count_scores(session, zone, recent).responses,
        invited=None if scope else _count_invited(session, period),
        period=shown.name,
        figure=figure,
        earlier=earlier,
        movement=compute_difference(figure, earlier),
        trend=_load_trend(session, zone, every, last_day, shown),
        calls=calls,
        calls_total=calls_total,
        groups=_load_groups(ctx, session, every.during(shown.start, shown.end, zone)),
        comments=_load_comments(session, recent),
        at=now,
    )


def team_label(ctx: Context, scope: str) -> str:
    """Return the name of a team for people, in the company's language."""
    team = ctx.settings.teams.get(scope)
    return scope if team is None else team.label.get(ctx.settings.core.language, scope)


def choose_comments(newest: Sequence[DigestComment], limit: int = MAX_COMMENTS) -> list[DigestComment]:
    """Return the newest comment of each segment, then the newest of the others; best score first.

    Args:
        newest: comments, newest first.
        limit: how many.
    """
    segments = dict.fromkeys(SEGMENT_BY_SCORE[comment.score] for comment in newest)
    chosen = [next(comment for comment in newest if SEGMENT_BY_SCORE[comment.score] == segment) for segment in segments]
    chosen += [comment for comment in newest if comment not in chosen]
    return sorted(chosen[:limit], key=lambda comment: -comment.score)


def _count(session: Session, zone: tzinfo, responses: ResponseFilter, start: date, last_day: date) -> ScoreCounts:
    return count_scores(session, zone, responses.during(start, last_day + timedelta(days=1), zone))


def _count_invited(session: Session, period: DigestPeriod) -> int:
    sent_at = col(InvitationRow.sent_at)
    query = select(func.count()).select_from(InvitationRow).where(sent_at >= period.start, sent_at < period.end)
    invited: int = session.execute(query).scalar_one()
    return invited


def _load_trend(
    session: Session, zone: tzinfo, responses: ResponseFilter, last_day: date, shown: ReportPeriod
) -> DigestTrend | None:
    """Return the trend of three months, or of twelve where the score needs them; None with fewer than two buckets."""
    window = standard_period("12-months" if shown.name == "12-months" else "3-months", last_day)
    buckets = count_by_bucket(session, zone, responses.during(window.start, window.end, zone), trend_unit(window))
    merged = merge_buckets(buckets)
    figures = [bucket.counts.figure() for bucket in merged]
    points = tuple(
        TrendPoint(figure.score, figure.low, figure.high)
        for figure in figures
        if figure.score is not None and figure.low is not None and figure.high is not None
    )
    if len(points) < 2:
        return None
    return DigestTrend(first_day=window.start, last_day=window.last_day, points=points)


def _load_groups(ctx: Context, session: Session, responses: ResponseFilter) -> list[DigestGroup]:
    """Return the shops by name, the largest if there are too many; none if there is nothing to set side by side."""
    if LOCATION not in ctx.settings.core.dimensions:
        return []
    comparison = compare_groups(session, ctx.settings.core.zone, ctx.settings.teams, responses, LOCATION)
    named = [row for row in comparison.rows if row.value != NOT_STATED and row.counts.responses]
    if len(named) < 2:
        return []
    return [_build_group(row) for row in sorted(named[:MAX_GROUPS], key=lambda row: row.value.casefold())]


def _build_group(row: GroupFigure) -> DigestGroup:
    if not row.stands_out:
        return DigestGroup(name=row.value, figure=row.figure)
    is_above = (row.difference.points or 0) > 0
    return DigestGroup(name=row.value, figure=row.figure, verdict="above" if is_above else "below")


def _load_comments(session: Session, recent: ResponseFilter) -> list[DigestComment]:
    query = (
        select(col(ResponseRow.score), col(ResponseRow.comment), col(ResponseRow.answered_at), location_of_response())
        .where(*recent.conditions(), col(ResponseRow.comment).is_not(None), col(ResponseRow.comment) != "")
        .order_by(col(ResponseRow.answered_at).desc(), col(ResponseRow.id).desc())
        .limit(NEWEST_COMMENTS)
    )
    newest = [
        DigestComment(score=score, text=comment, at=at, location=place)
        for score, comment, at, place in session.execute(query)
    ]
    return choose_comments(newest)
