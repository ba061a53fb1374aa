"""What a page of figures shows: the filter of its address, its period, and the links that keep or change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from urllib.parse import urlencode

from sqlmodel import Session

from nps_connect.rules.dimensions import OWNER
from nps_connect.rules.report_period import (
    STANDARD_PERIODS,
    PeriodName,
    ReportPeriod,
    default_period,
    previous_period,
    standard_period,
)
from nps_connect.services.reports.counts import count_scores
from nps_connect.services.reports.filters import FilterQueryError, ResponseFilter, restrict
from nps_connect.services.reports.staff_figures import find_staff_block
from nps_connect.web.console.console_page import ConsolePage

RESPONSES_PATH = "/console/responses"
OVERVIEW_PATH = "/console/overview"
EXPLORE_PATH = "/console/explore"
PERIOD_PARAMETER = "period"


@dataclass(frozen=True)
class PageFilter:
    """The filter of a page.

    Attributes:
        responses: what the page shows, with its period; restricted to what the viewer may see.
        chosen: the restrictions of the address, without a period.
        period: of the figures.
        is_default: the period was not chosen: it is the shortest that has enough responses.
        query: the parameters of the address that are kept in links.
    """

    responses: ResponseFilter
    chosen: ResponseFilter
    period: ReportPeriod
    is_default: bool
    page: ConsolePage

    @property
    def earlier_period(self) -> ReportPeriod:
        """The period of the same length before."""
        return previous_period(self.period)

    @property
    def earlier(self) -> ResponseFilter:
        """The same filter for the period before."""
        return self.during(self.earlier_period.start, self.earlier_period.end)

    def during(self, start: date, end: date) -> ResponseFilter:
        """Return the same filter for other days."""
        return self.responses.during(start, end, self.page.ctx.settings.core.zone)

    def drill(self, changed: ResponseFilter) -> str:
        """Return the link to the responses that a filter accepts."""
        return build_link(RESPONSES_PATH, changed.to_query(self.page.ctx.settings.core.zone))

    def link(self, path: str, changed: ResponseFilter | None = None, **parameters: str | None) -> str:
        """Return the link to a page with the chosen restrictions and period, both kept unless they are changed."""
        zone = self.page.ctx.settings.core.zone
        query = (self.chosen if changed is None else changed).during(None, None, zone).to_query(zone)
        if self.period.name == "custom":
            period = {"from": self.period.start.isoformat(), "until": self.period.last_day.isoformat()}
        else:
            period = {} if self.is_default else {PERIOD_PARAMETER: self.period.name}
        values: dict[str, str | None] = {**period, **query, **parameters}
        return build_link(path, {name: value for name, value in values.items() if value is not None})


def build_link(path: str, query: Mapping[str, str]) -> str:
    """Return a path with parameters."""
    return f"{path}?{urlencode(query)}" if query else path


def read_page_filter(page: ConsolePage, session: Session) -> PageFilter:
    """Return the filter of a page's address; without a period the default one.

    Raises:
        FilterQueryError: a parameter is invalid.
    """
    zone = page.ctx.settings.core.zone
    today = page.now.astimezone(zone).date()
    given = ResponseFilter.from_query(page.query, zone)
    chosen = replace(given, start=None, end=None)
    visible = restrict(chosen, page.viewer)
    name = page.query.get(PERIOD_PARAMETER, "")
    if given.start is not None or given.end is not None:
        period, is_default = _custom_period(given, page, today), False
    elif name in STANDARD_PERIODS:
        period, is_default = standard_period(_period_name(name), today), False
    else:

        def count_since(start: date) -> int:
            return count_scores(session, zone, visible.during(start, None, zone)).responses

        period, is_default = default_period(today, count_since), True
    responses = visible.during(period.start, period.end, zone)
    _refuse_staff_figures(page, session, responses)
    return PageFilter(responses, chosen, period, is_default, page)


def _refuse_staff_figures(page: ConsolePage, session: Session, visible: ResponseFilter) -> None:
    """Refuse a filter whose figures would be about single members of staff; users of a team may see their own team.

    Raises:
        FilterQueryError: the filter names an adviser or a small team.
    """
    settings = page.ctx.settings
    judged = visible if page.viewer.has_role("viewer") else replace(visible, team=None)
    if find_staff_block(session, settings.core.zone, settings.teams, judged) is not None:
        name = f"d.{OWNER}" if OWNER in judged.dimensions else "team"
        raise FilterQueryError(f"{name}: figures of single members of staff are not shown")


def _period_name(text: str) -> PeriodName:
    return next(name for name in STANDARD_PERIODS if name == text)


def _custom_period(given: ResponseFilter, page: ConsolePage, today: date) -> ReportPeriod:
    """Return the days of an address; an open end is filled with today, an open start with twelve months."""
    zone = page.ctx.settings.core.zone

    def day_of(moment: datetime) -> date:
        return moment.astimezone(zone).date()

    end = (
        day_of(given.end)
        if given.end
        else max(standard_period("12-months", today).end, day_of(given.start or page.now))
    )
    start = day_of(given.start) if given.start else standard_period("12-months", end).start
    if start >= end:
        end = standard_period("4-weeks", start).end
    return ReportPeriod("custom", start, end)
