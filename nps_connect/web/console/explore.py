"""Explore: figures by any dimension, and two groups or two periods compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import APIRouter
from sqlmodel import Session
from starlette.responses import Response

from nps_connect.rendering.chart_geometry import TrendBucket, trend_axis
from nps_connect.rendering.figure_texts import (
    difference_text,
    earlier_period_name,
    format_count,
    format_percent,
    format_score,
    movement_text,
)
from nps_connect.rules.mix import MixComparison, compare_mix
from nps_connect.rules.nps_arithmetic import Difference, compute_difference
from nps_connect.rules.report_period import ReportPeriod
from nps_connect.services.reports.comparisons import (
    GroupComparison,
    GroupFigure,
    PairComparison,
    compare_groups,
    compare_pair,
)
from nps_connect.services.reports.filters import FilterQueryError, ResponseFilter
from nps_connect.services.reports.newest_responses import count_ways
from nps_connect.web.console.access import AnyUserPage
from nps_connect.web.console.chart_views import TrendPicture, build_small_trend
from nps_connect.web.console.explore_data import load_changes, load_group_trends
from nps_connect.web.console.figure_values import FigureValues
from nps_connect.web.console.filter_form import (
    build_filter_form,
    describe_period,
    label_of_value,
    list_dimensions,
    refuse_filter,
    shows_staff,
)
from nps_connect.web.console.group_views import GroupsView, build_groups
from nps_connect.web.console.navigation import AREAS
from nps_connect.web.console.page_filter import EXPLORE_PATH, PageFilter, build_link, read_page_filter

LAST_YEAR = "year"
GROUPS_SHOWN = 40
MIX_SAMPLE = 5000
"""The newest responses of each of two groups from which it is told whether they were collected differently."""

router = APIRouter()


@dataclass(frozen=True)
class GroupLine:
    """A group in the table.

    Attributes:
        responses_link: to its responses.
        standing: how it stands to all others, in words; empty with too few responses.
        is_sure: the difference to the others is significant.
        change: its movement since the period before, in words; empty with too few responses.
    """

    responses_link: str
    standing: str
    is_sure: bool
    change: str


@router.get(EXPLORE_PATH)
def show_explore(page: AnyUserPage) -> Response:
    """Show figures by a dimension."""
    zone = page.ctx.settings.core.zone
    with page.ctx.ledger.read() as session:
        try:
            shown = read_page_filter(page, session)
        except FilterQueryError as error:
            return refuse_filter(page, error, EXPLORE_PATH)
        dimensions = {
            name: label
            for name, label in list_dimensions(page, has_owners=shows_staff(session)).items()
            if name != "segment"
        }
        dimension = page.query.get("by", "")
        if dimension not in dimensions:
            dimension = "location" if "location" in dimensions else next(iter(dimensions))
        comparison = compare_groups(session, zone, page.ctx.settings.teams, shown.responses, dimension)
        values = _build_groups(session, shown, dimension, comparison)
        values |= _compare_two(session, shown, dimension, comparison)
        values |= _compare_periods(session, shown)
        values["trends"] = _small_trends(session, shown, dimension, comparison)
        form = build_filter_form(session, shown)
    links = [(label, shown.link(EXPLORE_PATH, by=name), name == dimension) for name, label in dimensions.items()]
    return page.render(
        "explore.html.j2",
        area="explore",
        shown=shown,
        form=form,
        links=links,
        dimension=dimension,
        dimension_label=dimensions[dimension],
        comparison=comparison,
        figures=FigureValues(page.language, zone, page.now),
        **values,
    )


def _build_groups(session: Session, shown: PageFilter, dimension: str, comparison: GroupComparison) -> dict[str, Any]:
    """Return the table of groups."""
    page, listed = shown.page, comparison.rows[:GROUPS_SHOWN]
    changes = load_changes(session, shown, dimension, listed)
    rows = []
    lines = []
    for group in listed:
        name = label_of_value(page, dimension, group.value)
        alone = shown.chosen.with_group(dimension, group.value)
        rows.append((name, shown.link("/console/overview", alone), group.figure))
        lines.append(_describe_group(shown, dimension, group, changes.get(group.value)))
    view: GroupsView = build_groups(page.language, rows)
    return {"groups": view, "lines": lines, "further": len(comparison.rows) - len(listed)}


def _describe_group(shown: PageFilter, dimension: str, group: GroupFigure, movement: Difference | None) -> GroupLine:
    _ = shown.page.gettext
    standing = ""
    if not group.difference.too_small and group.difference.points is not None:
        points = {"points": format_score(group.difference.points)}
        standing = _("%(points)s against the others") % points if group.stands_out else _("like the others")
    change = ""
    if movement is not None and not movement.too_small and movement.points is not None:
        points = {"points": format_score(movement.points)}
        change = points["points"] if movement.is_beyond_noise else _("%(points)s, may be chance") % points
    return GroupLine(
        responses_link=shown.drill(shown.responses.with_group(dimension, group.value)),
        standing=standing,
        is_sure=group.stands_out,
        change=change,
    )


def _compare_two(session: Session, shown: PageFilter, dimension: str, comparison: GroupComparison) -> dict[str, Any]:
    """Return two groups of the dimension side by side: those chosen, else the two largest."""
    page = shown.page
    values = [group.value for group in comparison.rows[:GROUPS_SHOWN]]
    if len(values) < 2:
        return {"pair": None}
    first = page.query.get("first", "")
    first = first if first in values else values[0]
    second = page.query.get("second", "")
    second = second if second in values and second != first else next(value for value in values if value != first)
    counts = {group.value: group.counts for group in comparison.rows}
    ways = [count_ways(session, shown.responses.with_group(dimension, value), MIX_SAMPLE) for value in (first, second)]
    pair = PairComparison(
        counts[first],
        counts[second],
        compute_difference(counts[first].figure(), counts[second].figure()),
        compare_mix(*ways),
    )
    names = [label_of_value(page, dimension, value) for value in (first, second)]
    return {
        "pair": pair,
        "pair_values": (first, second),
        "pair_options": [(value, label_of_value(page, dimension, value)) for value in values],
        "pair_names": names,
        "pair_text": _pair_text(page.language, names, pair),
        "pair_mix": _mix_sentences(shown, pair.mix),
        "kept": _kept_parameters(shown, dimension),
        "problem_link": _problem_link(shown, shown.responses.with_group(dimension, second)),
    }


def _pair_text(language: str, names: Sequence[str], pair: PairComparison) -> str:
    if pair.difference.points is None:
        return ""
    return difference_text(language, names[0], names[1], pair.difference)


def _compare_periods(session: Session, shown: PageFilter) -> dict[str, Any]:
    """Return the period beside the one before it, or beside the same days a year before."""
    page = shown.page
    against_year = page.query.get("against") == LAST_YEAR
    earlier = _year_before(shown.period) if against_year else shown.earlier_period
    zone = page.ctx.settings.core.zone
    pair = compare_pair(session, zone, shown.responses, shown.during(earlier.start, earlier.end))
    _ = page.gettext
    name = _("the same days a year before") if against_year else earlier_period_name(page.language, shown.period.name)
    names = [describe_period(shown), name]
    return {
        "periods": pair,
        "period_names": names,
        "period_text": movement_text(page.language, pair.later.figure(), pair.earlier.figure(), pair.difference, name),
        "period_mix": _mix_sentences(shown, pair.mix),
        "against_year": against_year,
    }


def _year_before(period: ReportPeriod) -> ReportPeriod:
    """Return the same days, 52 weeks before, so that weekdays are the same."""
    return ReportPeriod("custom", period.start - timedelta(weeks=52), period.end - timedelta(weeks=52))


def _mix_sentences(shown: PageFilter, mix: MixComparison) -> list[str]:
    """Return what to say about responses that were collected differently; empty if they were not."""
    page = shown.page
    _ = page.gettext
    parts = [
        _("%(way)s: %(first)s against %(second)s")
        % {
            "way": label_of_value(page, "collected_by", way),
            "first": format_percent(mix.later[way], page.language),
            "second": format_percent(mix.earlier[way], page.language),
        }
        for way in sorted(mix.differing)
    ]
    if not parts:
        return []
    return [
        _("The responses were not collected in the same way, and part of the difference may come from that:"),
        "; ".join(parts) + ".",
    ]


def _small_trends(
    session: Session, shown: PageFilter, dimension: str, comparison: GroupComparison
) -> list[tuple[str, str, TrendPicture]]:
    """Return small trends of the largest groups on one axis: name, newest score, picture."""
    page = shown.page
    trends = load_group_trends(session, shown, dimension, [group for group in comparison.rows if group.value])
    points = {
        value: [
            TrendBucket(bucket.start, bucket.end, figure.score, figure.low, figure.high)
            for bucket in buckets
            for figure in [bucket.counts.figure()]
        ]
        for value, buckets in trends.items()
    }
    axis = trend_axis([point for series in points.values() for point in series])
    return [
        (
            label_of_value(page, dimension, value),
            format_count(sum(bucket.counts.responses for bucket in trends[value]), page.language),
            build_small_trend(page.language, series, axis),
        )
        for value, series in points.items()
    ]


def _kept_parameters(shown: PageFilter, dimension: str) -> dict[str, str]:
    """Return the parameters that the form of a comparison keeps."""
    return dict(parse_qsl(urlsplit(shown.link(EXPLORE_PATH, by=dimension)).query, keep_blank_values=True))


def _problem_link(shown: PageFilter, responses: ResponseFilter) -> str | None:
    """Return the link that opens a problem about these responses; None where there are no problems."""
    if not shown.page.viewer.has_role("case_worker") or all(area.name != "problems" for area in AREAS):
        return None
    return build_link("/console/problems/new", responses.to_query(shown.page.ctx.settings.core.zone))
