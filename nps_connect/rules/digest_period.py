"""When digests are due, and about which days they are. Pure."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from nps_connect.rules.timing import local_date, utc_at
from nps_connect.settings.digest import Digest
from nps_connect.settings.quiet_hours import WEEKDAYS

WEEK = timedelta(days=7)


class DigestPeriod(NamedTuple):
    """The days that a digest is about.

    Attributes:
        name: identifies it, such as ``week-2026-03-02``, by the day on which it is due.
        start, end: the period (UTC), half open.
        due_at: when its digest is due (UTC).
    """

    name: str
    start: datetime
    end: datetime
    due_at: datetime


def newest_period(digest: Digest, now: datetime, zone: tzinfo) -> DigestPeriod:
    """Return the newest period whose digest is due at a moment.

    Args:
        digest: how often, and when.
        now: the present moment.
        zone: the company's.
    """
    today = local_date(now, zone)
    day = _last_day(digest, today)
    if utc_at(day, time(digest.hour), zone) > now:
        day = _last_day(digest, day - timedelta(days=1))
    return _build_period(digest.every, day, digest.hour, zone)


def parse_period(name: str, digest: Digest, zone: tzinfo) -> DigestPeriod:
    """Return the period of a name.

    Raises:
        ValueError: it is no name of a period.
    """
    every, _, day = name.partition("-")
    if every not in ("week", "month"):
        raise ValueError(f"{name!r} is no name of a period")
    return _build_period(every, date.fromisoformat(day), digest.hour, zone)


def _build_period(every: str, day: date, hour: int, zone: tzinfo) -> DigestPeriod:
    if every == "week":
        first, end = day - WEEK, day
    else:
        end = day.replace(day=1)
        first = (end - timedelta(days=1)).replace(day=1)
    midnight = time()
    return DigestPeriod(
        name=f"{every}-{day.isoformat()}",
        start=utc_at(first, midnight, zone),
        end=utc_at(end, midnight, zone),
        due_at=utc_at(day, time(hour), zone),
    )


def _last_day(digest: Digest, day: date) -> date:
    """Return the last day of a digest that is not after a day."""
    if digest.every == "week":
        return day - timedelta(days=(day.weekday() - WEEKDAYS.index(digest.weekday)) % 7)
    if day.day >= digest.day_of_month:
        return day.replace(day=digest.day_of_month)
    return (day.replace(day=1) - timedelta(days=1)).replace(day=digest.day_of_month)
