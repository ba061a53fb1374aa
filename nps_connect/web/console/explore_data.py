"""What Explore shows beside the comparison of groups: their scores in the period before, and their trends."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session

from nps_connect.rules.nps_arithmetic import Difference, compute_difference
from nps_connect.rules.report_period import trend_unit
from nps_connect.rules.score_counts import BucketCounts, merge_buckets
from nps_connect.services.reports.comparisons import GroupFigure
from nps_connect.services.reports.counts import count_by_dimension, count_by_dimension_and_bucket
from nps_connect.services.reports.staff_figures import protect_groups
from nps_connect.web.console.page_filter import PageFilter

TRENDS_SHOWN = 6


def load_changes(
    session: Session, shown: PageFilter, dimension: str, groups: Sequence[GroupFigure]
) -> dict[str, Difference]:
    """Return how far each group moved since the period before; groups without responses then are left out."""
    settings = shown.page.ctx.settings
    counts = count_by_dimension(session, settings.core.zone, shown.earlier, dimension)
    earlier = protect_groups(session, settings.teams, dimension, counts).groups
    return {
        group.value: compute_difference(group.figure, earlier[group.value].figure())
        for group in groups
        if group.value in earlier and earlier[group.value].responses
    }


def load_group_trends(
    session: Session, shown: PageFilter, dimension: str, groups: Sequence[GroupFigure]
) -> dict[str, list[BucketCounts]]:
    """Load the trends of the first groups over the period and the one before, joined until each bucket can be judged.

    A group with fewer than two such buckets has no trend.
    """
    responses = shown.during(shown.earlier_period.start, shown.period.end)
    zone = shown.page.ctx.settings.core.zone
    buckets = count_by_dimension_and_bucket(session, zone, responses, dimension, trend_unit(shown.period))
    joined = {group.value: merge_buckets(buckets.get(group.value, ())) for group in groups[:TRENDS_SHOWN]}
    return {value: series for value, series in joined.items() if len(series) > 1}
