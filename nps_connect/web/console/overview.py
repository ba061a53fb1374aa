"""The overview: the score, whether it moved, what to do today, and why."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from nps_connect.rendering.catalogs import CONSOLE_DOMAIN, load_translations
from nps_connect.rendering.figure_texts import (
    earlier_period_name,
    format_percent,
    interval_text,
    movement_text,
)
from nps_connect.services.reports.filters import FilterQueryError
from nps_connect.services.reports.open_cases import AGE_LIMITS
from nps_connect.web.console.access import AnyUserPage
from nps_connect.web.console.chart_views import (
    FunnelView,
    TrendView,
    build_distribution,
    build_funnel,
    build_split,
    build_trend,
)
from nps_connect.web.console.connection_words import describe_connections
from nps_connect.web.console.figure_values import FigureValues
from nps_connect.web.console.filter_form import build_filter_form, refuse_filter
from nps_connect.web.console.navigation import visible_areas
from nps_connect.web.console.overview_data import OverviewData, load_overview
from nps_connect.web.console.page_filter import OVERVIEW_PATH, PageFilter, read_page_filter

router = APIRouter()


@router.get(OVERVIEW_PATH)
def show_overview(page: AnyUserPage) -> Response:
    """Show the overview."""
    zone = page.ctx.settings.core.zone
    with page.ctx.ledger.read() as session:
        try:
            shown = read_page_filter(page, session)
        except FilterQueryError as error:
            return refuse_filter(page, error, OVERVIEW_PATH)
        data = load_overview(session, shown)
        form = build_filter_form(session, shown)
    return page.render(
        "overview.html.j2",
        area="overview",
        data=data,
        shown=shown,
        form=form,
        figures=FigureValues(page.language, zone, page.now),
        areas_seen={area.name for area in visible_areas(page.viewer)},
        connections=describe_connections(page.language, data.connections or {}, page.now, zone),
        **_build_views(shown, data),
    )


def _build_views(shown: PageFilter, data: OverviewData) -> dict[str, Any]:
    """Return texts and charts."""
    language, responses = shown.page.language, shown.responses
    earlier_name = earlier_period_name(language, shown.period.name)
    _ = load_translations(language, CONSOLE_DOMAIN).gettext

    def link_of_score(score: int) -> str:
        return shown.drill(type(responses)(**{**vars(responses), "score": score}))

    def link_of_segment(segment: str) -> str:
        return shown.drill(responses.with_group("segment", segment))

    return {
        "movement": movement_text(language, data.figure, data.earlier, data.difference, earlier_name),
        "certainty": _certainty(language, data),
        "split": build_split(language, data.figure, link_of_segment),
        "trend": _trend_view(shown, data),
        "trend_heading": _trend_heading(language, data),
        "distribution": build_distribution(language, data.counts.by_score, link_of_score),
        "funnel": _funnel_view(language, data),
        "ages": _age_labels(language),
    }


def _certainty(language: str, data: OverviewData) -> list[str]:
    """Return sentences: how sure the score is, how many answered, how many did not confirm."""
    translations = load_translations(language, CONSOLE_DOMAIN)
    _ = translations.gettext
    sentences = []
    if not data.figure.too_small and (band := interval_text(language, data.figure)) is not None:
        sentences.append(band)
    if data.rate is not None and data.rate.share is not None:
        share = format_percent(data.rate.share, language)
        sentences.append(_("Response rate %(share)s.") % {"share": share})
    if data.counts.provisional:
        share = format_percent(data.figure.provisional_share, language)
        sentences.append(_("%(share)s of the scores are not confirmed yet and do not count.") % {"share": share})
    return sentences


def _trend_view(shown: PageFilter, data: OverviewData) -> TrendView | None:
    if data.trend is None or data.figure.too_small:
        return None
    buckets = [(bucket.start, bucket.end, bucket.counts.figure()) for bucket in data.trend.buckets]

    def link_of(start: date, end: date) -> str:
        return shown.drill(shown.during(start, end))

    return build_trend(shown.page.language, buckets, link_of)


def _trend_heading(language: str, data: OverviewData) -> str:
    _ = load_translations(language, CONSOLE_DOMAIN).gettext
    if data.trend is None or data.trend.is_joined:
        return _("Over time, with what chance alone can do")
    if data.trend.unit == "week":
        return _("Week by week, with what chance alone can do")
    return _("Month by month, with what chance alone can do")


def _funnel_view(language: str, data: OverviewData) -> FunnelView | None:
    if data.funnel is None:
        return None
    _ = load_translations(language, CONSOLE_DOMAIN).gettext
    steps = (
        (_("surveys planned"), data.funnel.decided),
        (_("surveys sent"), data.funnel.sent),
        (_("arrived"), data.funnel.arrived),
        (_("page opened"), data.funnel.opened),
        (_("answered"), data.funnel.answered),
        (_("confirmed"), data.funnel.confirmed),
    )
    return build_funnel(language, steps)


def _age_labels(language: str) -> list[str]:
    """Return the names of the ages of open cases."""
    _ = load_translations(language, CONSOLE_DOMAIN).gettext
    days = [limit // timedelta(days=1) for limit in AGE_LIMITS]
    between = [_("%(from)s to %(to)s days") % {"from": start, "to": end} for start, end in pairwise(days)]
    return [_("less than a day"), *between, _("more than %(days)s days") % {"days": days[-1]}]
