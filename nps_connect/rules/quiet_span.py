"""How long quiet hours and quiet days can delay a mail."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from nps_connect.rules.timing import next_allowed_time
from nps_connect.settings.model import Limits

STEP = timedelta(minutes=5)
WEEK = timedelta(days=7)


class QuietSpan(NamedTuple):
    """What quiet times leave of a week.

    Attributes:
        longest_wait: the longest time that a mail waits for their end.
        open_time: the time of a week in which mail may be sent.
    """

    longest_wait: timedelta
    open_time: timedelta


def measure_quiet_span(limits: Limits, start: datetime, zone: tzinfo) -> QuietSpan:
    """Return what quiet times leave of the week that begins at a moment, in steps of five minutes.

    Args:
        limits: with the quiet hours and days.
        start: aware.
        zone: time zone of the company.
    """
    moments = [start + STEP * number for number in range(WEEK // STEP)]
    waits = [next_allowed_time(moment, limits, zone) - moment for moment in moments]
    return QuietSpan(max(waits), STEP * sum(wait == timedelta() for wait in waits))
