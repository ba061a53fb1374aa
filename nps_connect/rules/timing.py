"""Calendar days of a time zone, safe on the days when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from nps_connect.settings.delays import WEEKDAYS_BY_NAME, Delay


def local_date(moment: datetime, zone: tzinfo) -> date:
    """The calendar day of a moment in a time zone.

    Raises:
        ValueError: the moment has no time zone of its own.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(zone).date()


def start_of_next_day(moment: datetime, zone: tzinfo) -> datetime:
    """The moment (UTC) at which the calendar day after that of `moment` begins in a time zone.

    Where the clocks skip midnight, the day begins when they have skipped it; where midnight comes twice, at the first.

    Raises:
        ValueError: the moment has no time zone of its own.
    """
    return utc_at(local_date(moment, zone) + timedelta(days=1), time(), zone)


def utc_at(day: date, clock_time: time, zone: tzinfo) -> datetime:
    """The moment (UTC) at which the clocks of a zone show this time of this day.

    A time that the clocks skip is read with the offset before the change, one that comes twice is the first.
    """
    return datetime.combine(day, clock_time, tzinfo=zone).astimezone(UTC)


def link_expiry(sent_at: datetime, lasts: timedelta, zone: tzinfo) -> datetime:
    """When a link stops taking answers (UTC): with the end of its last day in a zone, because a mail names that day.

    Args:
        sent_at: when the mail leaves.
        lasts: how long the link takes answers.
        zone: the company's.
    """
    return start_of_next_day(sent_at + lasts, zone)


def last_valid_moment(expires_at: datetime, zone: tzinfo) -> datetime:
    """The last moment, in a zone, at which a link takes answers: on the day that is told to people."""
    return (expires_at.astimezone(UTC) - timedelta.resolution).astimezone(zone)


def end_of_delay(moment: datetime, delay: Delay, zone: tzinfo) -> datetime:
    """When a delay that begins at a moment is over (UTC).

    The named day is the first one whose clock shows the time strictly after the fixed part is over: a delay of
    ``next tuesday 10:00`` that begins on a Tuesday at 10:00 ends a week later, one that begins at 9:59 a minute later.
    """
    begin = moment.astimezone(UTC) + delay.wait
    if delay.day is None:
        return begin
    wanted, day = WEEKDAYS_BY_NAME[delay.day], local_date(begin, zone)
    while True:
        if day.weekday() in wanted and (due := utc_at(day, delay.clock, zone)) > begin:
            return due
        day += timedelta(days=1)


def same_time_on(moment: datetime, day: date, zone: tzinfo) -> datetime:
    """The same time of day on another day of a time zone (UTC)."""
    return utc_at(day, moment.astimezone(zone).time(), zone)
