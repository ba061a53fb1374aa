"""Quiet hours and days in the contact's own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.timing import contact_zone, next_allowed_time
from nps_connect.settings.model import Limits

PARIS = ZoneInfo("Europe/Paris")
DEFAULT = Limits()
NIGHTS = Limits(quiet_days=())
OFF = Limits(quiet_hours="off", quiet_days=())


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


@pytest.mark.parametrize(
    ("moment", "allowed_at"),
    [
        ("2026-11-17T10:00", "2026-11-17T10:00"),  # a Tuesday morning
        ("2026-11-17T08:00", "2026-11-17T08:00"),
        ("2026-11-17T07:59", "2026-11-17T08:00"),
        ("2026-11-17T19:59", "2026-11-17T19:59"),
        ("2026-11-17T20:00", "2026-11-18T08:00"),
        ("2026-11-20T21:00", "2026-11-23T08:00"),  # Friday night leads to Monday
        ("2026-11-21T12:00", "2026-11-23T08:00"),
        ("2026-03-29T02:30", "2026-03-30T08:00"),  # an hour that the clocks skip
    ],
)
def test_the_default_allows_mail_on_working_days_only(moment, allowed_at):
    assert next_allowed_time(paris(moment), DEFAULT, PARIS) == paris(allowed_at)


def test_quiet_hours_may_lie_within_one_day():
    siesta = Limits(quiet_hours="12:00-14:00", quiet_days=())
    assert next_allowed_time(paris("2026-11-17T13:00"), siesta, PARIS) == paris("2026-11-17T14:00")
    assert next_allowed_time(paris("2026-11-17T22:00"), siesta, PARIS) == paris("2026-11-17T22:00")


def test_off_is_never_quiet():
    assert next_allowed_time(paris("2026-11-21T03:00"), OFF, PARIS) == paris("2026-11-21T03:00")


def test_the_contact_s_zone_is_used_if_it_is_valid():
    assert contact_zone("America/New_York", PARIS).key == "America/New_York"
    for unknown in (None, "", "Mars/Olympus", "../etc/passwd", "\0"):
        assert contact_zone(unknown, PARIS) is PARIS
    moment = datetime(2026, 11, 17, 9, tzinfo=UTC)
    assert next_allowed_time(moment, NIGHTS, PARIS) == moment
    assert next_allowed_time(moment, NIGHTS, ZoneInfo("America/New_York")) == datetime(2026, 11, 17, 13, tzinfo=UTC)


moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
zones = st.sampled_from([PARIS, ZoneInfo("America/Sao_Paulo"), ZoneInfo("Pacific/Apia"), ZoneInfo("Asia/Kathmandu")])
hours = st.tuples(st.integers(0, 23), st.integers(0, 59), st.integers(0, 23), st.integers(0, 59)).filter(
    lambda span: span[:2] != span[2:]
)


@given(moments, zones, hours, st.sets(st.sampled_from(["monday", "saturday", "sunday", "friday"])))
def test_the_result_is_not_quiet_not_earlier_and_within_two_weeks(moment, zone, span, days):
    text = "{:02}:{:02}-{:02}:{:02}".format(*span)
    limits = Limits(quiet_hours=text, quiet_days=tuple(sorted(days)))
    allowed_at = next_allowed_time(moment, limits, zone)
    assert allowed_at >= moment
    assert next_allowed_time(allowed_at, limits, zone) == allowed_at
    assert allowed_at - moment < timedelta(days=14)
