"""What the overview shows, loaded in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement
from sqlmodel import Session

from nps_connect.rules.dimensions import LOCATION
from nps_connect.rules.nps_arithmetic import Difference, NpsFigure, compute_difference
from nps_connect.rules.report_period import BucketUnit, day_start, trend_unit
from nps_connect.rules.score_counts import BucketCounts, ScoreCounts, merge_buckets
from nps_connect.services.cases.call_list import CaseToCall, load_calls
from nps_connect.services.context import Context
from nps_connect.services.operations.connection_status import ConnectionStatus
from nps_connect.services.operations.load_connections import load_connections
from nps_connect.services.reports.counts import count_by_bucket, count_scores
from nps_connect.services.reports.filters import ResponseFilter
from nps_connect.services.reports.newest_responses import limit_filter
from nps_connect.services.reports.open_cases import OpenCases, count_open_cases
from nps_connect.services.reports.response_list import ListedResponse, load_dimensions, load_response_page
from nps_connect.services.reports.review_invitations import ReviewInvitationCounts, load_review_invitations
from nps_connect.services.reports.survey_funnel import (
    ResponseRate,
    ResponseSpeed,
    SurveyCohort,
    SurveyFunnel,
    limit_cohort,
    load_funnel,
    load_response_speed,
)
from nps_connect.web.console.page_filter import PageFilter

CASES_SHOWN = 4
COMMENTS_SHOWN = 4
MIN_TREND = timedelta(weeks=26)
"""A trend shows half a year at least, so that a movement can be compared with what is usual."""


class LocatedCall(NamedTuple):
    """A customer to call, with the location that the response is about."""

    call: CaseToCall
    location: str | None


@dataclass(frozen=True)
class Trend:
    """The responses of the period and the time before, in joined buckets.

    Attributes:
        buckets: in order of time; from the first response on.
        unit: of the buckets before they were joined.
        is_joined: some were joined, because they had too few responses.
    """

    buckets: Sequence[BucketCounts]
    unit: BucketUnit
    is_joined: bool


@dataclass(frozen=True)
class OverviewData:
    """Everything on the overview; what has no source is None.

    Attributes:
        counts: of the period.
        figure: its score.
        earlier: the score of the period before.
        difference: between the two; None if one of them has no responses.
        trend: None without responses.
        funnel, rate: None if a restriction is known of responses only, or nobody was asked.
        is_funnel_limited: the funnel counts the newest surveys of the period only, because there are so many.
        speed: None if no survey mail was answered.
        cases: the next to handle.
        open_cases: all open cases by age.
        comments: the newest.
        reviews: review invitations by platform.
        are_reviews_limited: they are those of the newest responses only, because there are so many.
        connections: by name; None for users who see one team only.
    """

    counts: ScoreCounts
    figure: NpsFigure
    earlier: NpsFigure
    difference: Difference | None
    trend: Trend | None
    funnel: SurveyFunnel | None
    is_funnel_limited: bool
    rate: ResponseRate | None
    speed: ResponseSpeed | None
    cases: Sequence[LocatedCall]
    open_cases: OpenCases
    comments: Sequence[ListedResponse]
    reviews: Sequence[ReviewInvitationCounts]
    are_reviews_limited: bool
    connections: Mapping[str, ConnectionStatus] | None


def load_overview(session: Session, shown: PageFilter) -> OverviewData:
    """Load what the overview shows."""
    page, responses = shown.page, shown.responses
    settings, now = page.ctx.settings, page.now
    zone = settings.core.zone
    counts = count_scores(session, zone, responses)
    figure, earlier = counts.figure(), count_scores(session, zone, shown.earlier).figure()
    conditions = responses.conditions()
    speed = load_response_speed(session, conditions)
    cohort = find_cohort(responses)
    funnel, rate, is_limited = _load_answers(session, cohort, speed, now) if cohort else (None, None, False)
    tomorrow = day_start(now.astimezone(zone).date() + timedelta(days=1), zone)
    anytime = shown.responses.during(None, None, zone).conditions()
    with_comment = ResponseFilter(**{**vars(responses), "has_comment": True})
    newest = limit_filter(session, responses)
    sees_company = page.viewer.has_role("viewer")
    return OverviewData(
        counts=counts,
        figure=figure,
        earlier=earlier,
        difference=compute_difference(figure, earlier) if figure.responses and earlier.responses else None,
        trend=load_trend(session, shown),
        funnel=funnel,
        is_funnel_limited=is_limited,
        rate=rate,
        speed=speed,
        cases=load_cases(page.ctx, session, anytime),
        open_cases=count_open_cases(session, anytime, now=now, end_of_day=tomorrow),
        comments=load_response_page(session, with_comment.conditions(), limit=COMMENTS_SHOWN).responses,
        reviews=load_review_invitations(session, newest.conditions()),
        are_reviews_limited=newest != responses,
        connections=load_connections(session, settings, now) if sees_company else None,
    )


def _load_answers(
    session: Session, cohort: SurveyCohort, speed: ResponseSpeed | None, now: datetime
) -> tuple[SurveyFunnel | None, ResponseRate | None, bool]:
    """Return funnel and response rate of a cohort, and whether it was limited to its newest surveys."""
    newest = limit_cohort(session, cohort)
    counted = load_funnel(session, newest, now - speed.complete_after if speed else None)
    if not counted.funnel.decided:
        return None, None, False
    return counted.funnel, counted.rate if speed else None, newest != cohort


def find_cohort(responses: ResponseFilter) -> SurveyCohort | None:
    """Return the surveys that a filter of responses covers; None if it restricts by what only responses have."""
    has_other = responses.dimensions or responses.team or responses.collected_by or responses.scores is not None
    if has_other or responses.text or responses.has_comment is not None or not responses.start or not responses.end:
        return None
    return SurveyCohort(responses.start, responses.end, responses.survey, responses.touchpoint, responses.language)


def load_trend(session: Session, shown: PageFilter) -> Trend | None:
    """Load the period and the time before it in buckets that have enough responses to be judged."""
    zone, unit = shown.page.ctx.settings.core.zone, trend_unit(shown.period)
    start = min(shown.earlier_period.start, shown.period.end - MIN_TREND)
    both = shown.during(start, shown.period.end)
    buckets = count_by_bucket(session, zone, both, unit)
    first = next((index for index, bucket in enumerate(buckets) if bucket.counts.responses), None)
    if first is None:
        return None
    joined = merge_buckets(buckets[first:])
    return Trend(joined, unit, is_joined=len(joined) < len(buckets) - first)


def load_cases(ctx: Context, session: Session, conditions: Sequence[ColumnElement[bool]]) -> list[LocatedCall]:
    """Load the open cases that are due first."""
    calls = load_calls(ctx, session, *conditions, limit=CASES_SHOWN)
    dimensions = load_dimensions(session, [call.response_id for call in calls])
    return [LocatedCall(call, dimensions.get(call.response_id, {}).get(LOCATION)) for call in calls]
