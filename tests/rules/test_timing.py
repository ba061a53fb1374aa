"""Calendar arithmetic, also on days when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.timing import (
    end_of_delay,
    last_valid_moment,
    link_expiry,
    local_date,
    reply_deadline,
    start_of_next_day,
    utc_at,
)
from nps_connect.settings.cases import Cases
from nps_connect.settings.durations import WEEKDAYS_BY_NAME, Delay, parse_delay

PARIS = ZoneInfo("Europe/Paris")
DAY = timedelta(days=1)
ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/Paris",
        "America/New_York",
        "America/St_Johns",
        "America/Sao_Paulo",
        "America/Havana",
        "America/Nuuk",
        "America/Scoresbysund",
        "Africa/Cairo",
        "Asia/Beirut",
        "Asia/Kathmandu",
        "Asia/Tehran",
        "Asia/Gaza",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Chatham",
        "Antarctica/Troll",
    )
]
moments = st.datetimes(datetime(1975, 1, 2), datetime(2060, 1, 1), timezones=st.just(UTC))


def test_days_are_those_of_the_company_s_zone():
    assert local_date(datetime(2026, 3, 1, 23, 30, tzinfo=UTC), PARIS) == date(2026, 3, 2)
    assert start_of_next_day(datetime(2026, 3, 1, 22, 30, tzinfo=UTC), PARIS) == datetime(2026, 3, 1, 23, tzinfo=UTC)


def test_days_of_23_and_25_hours():
    spring, autumn = datetime(2026, 3, 29, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC)
    assert start_of_next_day(spring, PARIS) - start_of_next_day(spring - DAY, PARIS) == timedelta(hours=23)
    assert start_of_next_day(autumn, PARIS) - start_of_next_day(autumn - DAY, PARIS) == timedelta(hours=25)


def test_a_day_whose_midnight_is_skipped_begins_after_the_gap():
    cairo = ZoneInfo("Africa/Cairo")
    start = start_of_next_day(datetime(2024, 4, 25, 12, tzinfo=UTC), cairo)
    assert start.astimezone(cairo).isoformat() == "2024-04-26T01:00:00+03:00"


def test_a_naive_moment_is_refused():
    with pytest.raises(ValueError, match="needs a time zone"):
        start_of_next_day(datetime(2026, 1, 1), PARIS)


@given(moments, st.sampled_from(ZONES))
def test_the_next_day_begins_after_the_moments_of_this_one(moment, zone):
    begin = start_of_next_day(moment, zone)
    assert begin.tzinfo is UTC
    assert begin > moment
    assert local_date(begin, zone) > local_date(moment, zone)
    assert local_date(begin - timedelta(seconds=1), zone) == local_date(moment, zone)


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(list(WEEKDAYS_BY_NAME)),
    st.times().map(lambda clock: clock.replace(second=0, microsecond=0)),
    st.integers(0, 40).map(lambda days: timedelta(days=days)),
    st.sampled_from(ZONES),
)
def test_a_named_day_is_the_first_one_strictly_after_the_wait(moment, day, clock, wait, zone):
    due = end_of_delay(moment, Delay(wait, day, clock), zone)
    begin = moment + wait
    dates = [begin.astimezone(zone).date() + timedelta(days=ahead) for ahead in range(8)]
    candidates = [utc_at(weekday, clock, zone) for weekday in dates if weekday.weekday() in WEEKDAYS_BY_NAME[day]]
    assert due == min(candidate for candidate in candidates if candidate > begin)


@given(moments, st.sampled_from(ZONES))
def test_a_link_is_valid_until_the_end_of_its_last_day(moment, zone):
    expires_at = link_expiry(moment, timedelta(days=60), zone)
    last = last_valid_moment(expires_at, zone)
    assert local_date(last, zone) == local_date(moment + timedelta(days=60), zone)
    assert local_date(expires_at, zone) > local_date(last, zone)
    assert expires_at - moment > timedelta(days=60)


@pytest.mark.parametrize(
    ("begin", "delay", "due"),
    [
        ("2026-11-17T08:59:00Z", "next tuesday 10:00", "2026-11-17T09:00:00Z"),
        ("2026-11-17T09:00:00Z", "next tuesday 10:00", "2026-11-24T09:00:00Z"),
        ("2026-03-27T12:00:00Z", "next monday 10:00", "2026-03-30T08:00:00Z"),
        ("2026-03-28T12:00:00Z", "next day 02:30", "2026-03-29T01:30:00Z"),
        ("2026-10-24T12:00:00Z", "next day 02:30", "2026-10-25T00:30:00Z"),
        ("2026-11-20T12:00:00Z", "1d then next weekday 09:00", "2026-11-23T08:00:00Z"),
    ],
)
def test_a_delay_with_a_named_day_is_correct_when_clocks_change(begin, delay, due):
    end = end_of_delay(datetime.fromisoformat(begin), parse_delay(delay), ZoneInfo("Europe/Paris"))
    assert end == datetime.fromisoformat(due)


@pytest.mark.parametrize(
    ("since", "days", "country", "region", "due"),
    [
        ("2026-07-13T08:00Z", 1, "FR", None, "2026-07-15T16:00Z"),  # over 14 July
        ("2026-07-13T08:00Z", 1, None, None, "2026-07-14T16:00Z"),
        ("2026-05-13T08:00Z", 1, "FR", None, "2026-05-15T16:00Z"),  # over Ascension Day, a Thursday
        ("2026-04-02T08:00Z", 1, "FR", None, "2026-04-03T16:00Z"),  # Good Friday is none in France,
        ("2026-04-02T08:00Z", 1, "FR", "57", "2026-04-07T16:00Z"),  # but in the Moselle, with Easter Monday
        ("2026-12-31T08:00Z", 2, "FR", None, "2027-01-05T17:00Z"),  # over the year's end
    ],
)
def test_a_deadline_is_the_end_of_a_working_day_without_public_holidays(since, days, country, region, due):
    cases = Cases(reply_days=days, country=country, region=region)
    assert reply_deadline(datetime.fromisoformat(since), PARIS, cases) == datetime.fromisoformat(due)
