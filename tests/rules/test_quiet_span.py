"""What quiet times leave of a week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from nps_connect.rules.quiet_span import measure_quiet_span
from nps_connect.settings.model import Limits

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)


def test_the_defaults_wait_for_a_weekend():
    span = measure_quiet_span(Limits(), MONDAY, UTC)
    assert span.longest_wait == timedelta(days=2, hours=12)  # Friday 20:00 to Monday 8:00
    assert span.open_by_day == timedelta(hours=60)
    assert span.open_by_night == timedelta()


def test_no_quiet_times_wait_for_nothing():
    assert measure_quiet_span(Limits(quiet_hours="off", quiet_days=()), MONDAY, UTC).longest_wait == timedelta()


def test_half_an_hour_on_one_day_is_seen():
    days = ("tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    span = measure_quiet_span(Limits(quiet_hours="08:00-07:30", quiet_days=days), MONDAY, UTC)
    assert span.open_by_day + span.open_by_night == timedelta(minutes=30)
    assert span.longest_wait > timedelta(days=6)


def test_hours_of_the_night_are_counted_apart_in_the_zone_of_the_company():
    paris = ZoneInfo("Europe/Paris")
    span = measure_quiet_span(Limits(quiet_hours="08:00-20:00", quiet_days=()), MONDAY, paris)
    assert span.open_by_day == timedelta()
    assert span.open_by_night == timedelta(hours=84)
