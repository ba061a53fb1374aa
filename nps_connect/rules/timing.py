"""Calendar arithmetic and quiet hours in a time zone, correct on days when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nps_connect.rules.working_days import is_public_holiday
from nps_connect.settings.cases import Cases
from nps_connect.settings.durations import WEEKDAYS_BY_NAME, Delay
from nps_connect.settings.model import Limits
from nps_connect.settings.quiet_hours import WEEKDAYS, parse_quiet_hours

BUSINESS_DAY_END = time(18)
SATURDAY = 5


def local_date(moment: datetime, zone: tzinfo) -> date:
    """Return the calendar day of a moment in a time zone.

    Raises:
        ValueError: the moment is naive.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(zone).date()


def contact_zone(timezone: str | None, company: tzinfo) -> tzinfo:
    """Return the time zone of a contact if the CRM knows it, else that of the company; never guessed.

    Args:
        timezone: as the CRM states it; an invalid name counts as unknown.
        company: time zone of the company.
    """
    try:
        return ZoneInfo(timezone) if timezone else company
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return company


def start_of_next_day(moment: datetime, zone: tzinfo) -> datetime:
    """Return the moment (UTC) at which the next calendar day begins in a time zone.

    If clocks skip midnight, the day begins after the gap; if midnight occurs twice, at the first.

    Raises:
        ValueError: the moment is naive.
    """
    return utc_at(local_date(moment, zone) + timedelta(days=1), time(), zone)


def utc_at(day: date, clock_time: time, zone: tzinfo) -> datetime:
    """Return the moment (UTC) of a local date and time in a zone.

    A skipped time uses the offset before the change; of a repeated time the first occurrence is taken.
    """
    return datetime.combine(day, clock_time, tzinfo=zone).astimezone(UTC)


def reply_deadline(since: datetime, zone: tzinfo, cases: Cases, days: int | None = None) -> datetime:
    """Return until when a customer is to be contacted (UTC): the end of a working day, 18:00 of the company.

    Working days are Monday to Friday without the public holidays of `cases.country`, if one is set.

    Args:
        since: when the response was given, or from when the days are counted.
        zone: of the company.
        cases: the settings.
        days: number of working days; `cases.reply_days` if not given.

    Raises:
        ValueError: `since` has no time zone.
    """
    day = local_date(since, zone)
    for _ in range(days or cases.reply_days):
        day += timedelta(days=1)
        while day.weekday() >= SATURDAY or (
            cases.country is not None and is_public_holiday(day, cases.country, cases.region)
        ):
            day += timedelta(days=1)
    return utc_at(day, BUSINESS_DAY_END, zone)


def link_expiry(sent_at: datetime, lasts: timedelta, zone: tzinfo) -> datetime:
    """Return when a survey link expires (UTC): at the end of its last day, which the mail names.

    Args:
        sent_at: when the mail is sent.
        lasts: validity of the link.
        zone: the company's.
    """
    return start_of_next_day(sent_at + lasts, zone)


def last_valid_moment(expires_at: datetime, zone: tzinfo) -> datetime:
    """Return the last moment before a link expires, in a zone: on the day that the mail names."""
    return (expires_at.astimezone(UTC) - timedelta.resolution).astimezone(zone)


def end_of_delay(moment: datetime, delay: Delay, zone: tzinfo) -> datetime:
    """Return the end (UTC) of a delay that begins at a moment.

    The named day and time lie strictly after the fixed part of the delay: a delay of
    ``next tuesday 10:00`` that begins on a Tuesday at 10:00 ends a week later, one that begins at 9:59 a minute later.
    """
    begin = moment.astimezone(UTC) + delay.wait
    if delay.day is None:
        return begin
    weekdays, day = WEEKDAYS_BY_NAME[delay.day], local_date(begin, zone)
    while True:
        if day.weekday() in weekdays and (due := utc_at(day, delay.clock, zone)) > begin:
            return due
        day += timedelta(days=1)


def same_time_on(moment: datetime, day: date, zone: tzinfo) -> datetime:
    """Return the same time of day on another day of a time zone (UTC)."""
    return utc_at(day, moment.astimezone(zone).time(), zone)


def next_allowed_time(moment: datetime, limits: Limits, zone: tzinfo) -> datetime:
    """Return the first moment from `moment` on that is not quiet: `moment` itself outside of quiet times.

    Args:
        moment: aware.
        limits: with the quiet hours and days.
        zone: of the contact, see `timing.contact_zone`.

    Returns:
        In UTC.
    """
    candidate = moment.astimezone(UTC)
    for _ in range(2 * len(WEEKDAYS) + 2):
        later = _end_of_quiet_time(candidate, limits, zone)
        if later is None:
            return candidate
        candidate = later
    return candidate


def _end_of_quiet_time(moment: datetime, limits: Limits, zone: tzinfo) -> datetime | None:
    """Return the end of the quiet time around a moment; None if the moment is not quiet."""
    local = moment.astimezone(zone)
    if WEEKDAYS[local.weekday()] in limits.quiet_days:
        return _strictly_after(moment, utc_at(local.date() + timedelta(days=1), time(), zone))
    hours = parse_quiet_hours(limits.quiet_hours)
    if hours is None:
        return None
    begin, end = hours
    now = local.time()
    if begin < end:
        return _strictly_after(moment, utc_at(local.date(), end, zone)) if begin <= now < end else None
    if now >= begin:
        return _strictly_after(moment, utc_at(local.date() + timedelta(days=1), end, zone))
    return _strictly_after(moment, utc_at(local.date(), end, zone)) if now < end else None


def _strictly_after(moment: datetime, later: datetime) -> datetime:
    """Return `later`, or an hour after `moment` if clocks put back make it lie in the past."""
    return later if later > moment else moment + timedelta(hours=1)
