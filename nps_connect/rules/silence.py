"""Silence of a connection against its own habit: the same hours of the same weekdays, in the weeks before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

WEEK = timedelta(days=7)

COMPARED_WEEKS = 4
MIN_COMPARED_WEEKS = 2
"""A connection that is younger has no habit yet."""

MIN_USUAL_EVENTS = 5
"""With so many events in the same hours of every week, no event at all is chance once in 150 times."""

MIN_SILENCE = timedelta(hours=1)
NEW_CONNECTION_SILENCE = timedelta(days=7)
"""The longest silence of a connection without a habit that is not reported."""

RARE_EVENTS_SILENCE = timedelta(days=35)
"""The longest silence of a connection with few or irregular events that is not reported: a month and some days."""


class Period(NamedTuple):
    """A period from `start` to `end`."""

    start: datetime
    end: datetime


def compared_periods(last_event_at: datetime, now: datetime, zone: tzinfo) -> list[Period]:
    """Return the periods whose events tell what is usual while a connection is silent, newest first.

    They are the hours since the last event, at most a week of them, one to four weeks earlier by the wall clock, so
    that nights, weekends and the change to summer time are compared with their like. All end before the last event.

    Args:
        last_event_at: when the newest event was received; not after `now`.
        now: the present moment.
        zone: the company's time zone.
    """
    end = min(now, last_event_at + WEEK)
    return [
        Period(
            _weeks_earlier(last_event_at, weeks, zone),
            min(_weeks_earlier(end, weeks, zone), last_event_at),  # later only where the clocks were changed between
        )
        for weeks in range(1, COMPARED_WEEKS + 1)
    ]


def is_unusual_silence(silence: timedelta, usual_counts: Sequence[int]) -> bool:
    """Return whether a silence is worth a look.

    Args:
        silence: since the newest event.
        usual_counts: events in each of the `compared_periods` that began after the connection's first event.
    """
    if silence < MIN_SILENCE:
        return False
    if len(usual_counts) < MIN_COMPARED_WEEKS:
        return silence > NEW_CONNECTION_SILENCE
    return min(usual_counts) >= MIN_USUAL_EVENTS or silence > RARE_EVENTS_SILENCE


def _weeks_earlier(moment: datetime, weeks: int, zone: tzinfo) -> datetime:
    """Return the moment with the same weekday and wall-clock time, in UTC."""
    return (moment.astimezone(zone) - weeks * WEEK).astimezone(moment.tzinfo)
