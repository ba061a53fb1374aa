"""Quiet hours and days: no mail to customers at these times of the contact's own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo

from nps_connect.rules.timing import utc_at
from nps_connect.settings.model import Limits
from nps_connect.settings.quiet_hours import WEEKDAYS, parse_quiet_hours


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
