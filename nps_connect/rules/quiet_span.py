"""How long quiet hours and quiet days can delay a mail."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from nps_connect.rules.timing import next_allowed_time
from nps_connect.settings.model import Limits

STEP = timedelta(minutes=5)
WEEK = timedelta(days=7)
DAYTIME = range(8, 20)
"""Local hours in which people expect mail of a company; the other half of a day is the night."""


class QuietSpan(NamedTuple):
    """What quiet times leave of a week.

    Attributes:
        longest_wait: the longest time that a mail waits for their end.
        open_by_day: the time of a week in which mail may be sent between 8:00 and 20:00 (local time).
        open_by_night: the time of a week in which mail may be sent in the other hours.
    """

    longest_wait: timedelta
    open_by_day: timedelta
    open_by_night: timedelta


def measure_quiet_span(limits: Limits, start: datetime, zone: tzinfo) -> QuietSpan:
    """Return what quiet times leave of the week that begins at a moment, in steps of five minutes.

    Args:
        limits: with the quiet hours and days.
        start: aware.
        zone: time zone of the company.
    """
    moments = [start + STEP * number for number in range(WEEK // STEP)]
    waits = [next_allowed_time(moment, limits, zone) - moment for moment in moments]
    open_hours = [moment.astimezone(zone).hour for moment, wait in zip(moments, waits, strict=True) if not wait]
    by_day = STEP * sum(hour in DAYTIME for hour in open_hours)
    return QuietSpan(max(waits), by_day, STEP * len(open_hours) - by_day)
