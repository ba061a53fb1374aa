"""The text form of `every`: calendar months (``6 months``), or days and weeks (``90d``, ``26 weeks``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from nps_connect.settings.durations import MAX_DURATION, format_duration, parse_duration

MONTH_DAYS = 365.2425 / 12
"""Days of the average month of the Gregorian calendar."""

MIN_INTERVAL = timedelta(days=7)
INTERVAL_FORMS = "write a number of months, weeks or days, such as 6 months, 1 year, 26 weeks or 90d"
_PHRASE = re.compile(r"([0-9]{1,4})\s*(day|week|month|year)s?")
_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}


@dataclass(frozen=True)
class Interval:
    """The distance of two surveys of a schedule: calendar months, or a fixed time.

    Attributes:
        months: calendar months of the Gregorian calendar in UTC; 0 for a fixed time.
        fixed: the fixed time; zero for months.
    """

    months: int = 0
    fixed: timedelta = timedelta()

    @property
    def length(self) -> timedelta:
        """The average length: months count as `MONTH_DAYS` days."""
        return self.fixed or timedelta(days=self.months * MONTH_DAYS)


def parse_interval(value: object) -> Interval:
    """Parse an interval; an `Interval` is returned unchanged.

    Raises:
        ValueError: not an interval, shorter than a week or longer than ten years.
    """
    if isinstance(value, Interval):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    match = _PHRASE.fullmatch(text)
    if match is not None and match[2] in _MONTHS:
        interval = Interval(months=int(match[1]) * _MONTHS[match[2]])
    elif match is not None:
        interval = Interval(fixed=timedelta(days=int(match[1]) * _DAYS[match[2]]))
    else:
        try:
            interval = Interval(fixed=parse_duration(text))
        except ValueError:
            raise ValueError(f"not an interval: {INTERVAL_FORMS}") from None
    if interval.length < MIN_INTERVAL:
        raise ValueError("shorter than a week")
    if interval.length > MAX_DURATION:
        raise ValueError("longer than ten years")
    return interval


def format_interval(interval: Interval) -> str:
    """Return the text that `parse_interval` parses to the same interval."""
    if interval.months:
        return "1 month" if interval.months == 1 else f"{interval.months} months"
    return format_duration(interval.fixed)


IntervalField = Annotated[
    Interval,
    BeforeValidator(parse_interval),
    PlainSerializer(format_interval),
    WithJsonSchema({"type": "string", "examples": ["6 months", "1 year", "26 weeks", "90d"]}),
]
