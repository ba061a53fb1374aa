"""Periods of reports in calendar days of the company's zone, and the buckets into which a trend divides them. Pure."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal

from nps_connect.rules.nps_arithmetic import MIN_RESPONSES

PeriodName = Literal["4-weeks", "3-months", "12-months", "custom"]
BucketUnit = Literal["day", "week", "month"]

_MONTHS: dict[PeriodName, int] = {"3-months": 3, "12-months": 12}
_FOUR_WEEKS = timedelta(weeks=4)
_ONE_DAY = timedelta(days=1)
STANDARD_PERIODS: tuple[PeriodName, ...] = ("4-weeks", "3-months", "12-months")


@dataclass(frozen=True)
class ReportPeriod:
    """Consecutive days.

    Attributes:
        name: how the period was chosen.
        start: first day.
        end: the day after the last one.
    """

    name: PeriodName
    start: date
    end: date

    @property
    def last_day(self) -> date:
        """The last day."""
        return self.end - _ONE_DAY


def standard_period(name: PeriodName, today: date) -> ReportPeriod:
    """Return the period of this length that ends with today."""
    end = today + _ONE_DAY
    return ReportPeriod(name, _start_before(name, end), end)


def default_period(today: date, count_since: Callable[[date], int]) -> ReportPeriod:
    """Return the shortest standard period with 30 responses; the longest if none has them.

    Args:
        today: the last day.
        count_since: returns the number of responses of the group shown from a day until today.
    """
    for name in STANDARD_PERIODS:
        period = standard_period(name, today)
        if count_since(period.start) >= MIN_RESPONSES:
            break
    return period


def previous_period(period: ReportPeriod) -> ReportPeriod:
    """Return the period of the same length just before; that of a custom period has the same number of days."""
    if period.name == "custom":
        return ReportPeriod("custom", period.start - (period.end - period.start), period.start)
    return ReportPeriod(period.name, _start_before(period.name, period.start), period.start)


def trend_unit(period: ReportPeriod) -> BucketUnit:
    """Return the unit of a trend: weeks, and months for more than half a year."""
    return "week" if period.end - period.start <= timedelta(days=184) else "month"


def bucket_starts(start: date, end: date, unit: BucketUnit) -> list[date]:
    """Return the first day of each bucket; weeks begin on Monday, and the first bucket may be shorter.

    Raises:
        ValueError: the period has no day.
    """
    if end <= start:
        raise ValueError("the period ends before it starts")
    starts = [start]
    while (following := _next_start(starts[-1], unit)) < end:
        starts.append(following)
    return starts


def _next_start(day: date, unit: BucketUnit) -> date:
    if unit == "day":
        return day + _ONE_DAY
    if unit == "week":
        return day + timedelta(days=7 - day.weekday())
    return _add_months(day.replace(day=1), 1)


def day_start(day: date, zone: tzinfo) -> datetime:
    """Return the moment (UTC) at which a calendar day begins in a zone, also where clocks change at midnight."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def details_kept_since(now: datetime, kept: timedelta, zone: tzinfo) -> date:
    """Return the first day whose responses have all their details; those before were emptied under retention."""
    return (now - kept).astimezone(zone).date() + _ONE_DAY


def _start_before(name: PeriodName, end: date) -> date:
    return _add_months(end, -_MONTHS[name]) if name in _MONTHS else end - _FOUR_WEEKS


def _add_months(day: date, months: int) -> date:
    """Return the same day of another month, or its last day where the month is shorter."""
    number = day.year * 12 + day.month - 1 + months
    year, month = divmod(number, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
