"""Calendar days in the company's time zone, safe on the days when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo


def day_of(moment: datetime, zone: tzinfo) -> date:
    """The calendar day of a moment in a time zone.

    Raises:
        ValueError: the moment has no time zone of its own.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(zone).date()


def day_start(moment: datetime, zone: tzinfo) -> datetime:
    """The moment (UTC) at which the calendar day of `moment` began in a time zone.

    Where the clocks skip midnight, the day begins when they have skipped it; where midnight comes twice, the day
    begins at the first.

    Raises:
        ValueError: the moment has no time zone of its own.
    """
    return at(day_of(moment, zone), time(), zone)


def day_after(moment: datetime, zone: tzinfo) -> datetime:
    """The moment (UTC) at which the calendar day after that of `moment` begins in a time zone.

    Raises:
        ValueError: the moment has no time zone of its own.
    """
    return at(day_of(moment, zone) + timedelta(days=1), time(), zone)


def at(day: date, clock_time: time, zone: tzinfo) -> datetime:
    """The moment (UTC) at which the clocks of a zone show this time of this day.

    A time that the clocks skip is read with the offset before the change, one that comes twice is the first.
    """
    return datetime.combine(day, clock_time, tzinfo=zone).astimezone(UTC)
