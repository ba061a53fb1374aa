"""When a digest is due, and about which days it is."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.digest_period import newest_period, parse_period
from nps_connect.settings.digest import Digest

PARIS = ZoneInfo("Europe/Paris")


def digest(**values):
    return Digest(management=("boss@example.com",), **values)


def local(moment):
    return f"{moment.astimezone(PARIS):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("now", "name", "days"),
    [
        ("2026-11-16 07:59", "week-2026-11-09", ("2026-11-02 00:00", "2026-11-09 00:00")),
        ("2026-11-16 08:00", "week-2026-11-16", ("2026-11-09 00:00", "2026-11-16 00:00")),
        ("2026-11-22 23:59", "week-2026-11-16", ("2026-11-09 00:00", "2026-11-16 00:00")),
        ("2026-10-26 09:00", "week-2026-10-26", ("2026-10-19 00:00", "2026-10-26 00:00")),  # the clocks were put back
    ],
)
def test_a_weekly_digest_is_about_the_seven_days_before_its_day(now, name, days):
    moment = datetime.fromisoformat(now).replace(tzinfo=PARIS)
    period = newest_period(digest(), moment, PARIS)
    assert (period.name, local(period.start), local(period.end)) == (name, *days)


@pytest.mark.parametrize(
    ("now", "name", "days"),
    [
        ("2026-11-03 08:59", "month-2026-10-03", ("2026-09-01 00:00", "2026-10-01 00:00")),
        ("2026-11-03 09:00", "month-2026-11-03", ("2026-10-01 00:00", "2026-11-01 00:00")),
        ("2027-01-02 12:00", "month-2026-12-03", ("2026-11-01 00:00", "2026-12-01 00:00")),
    ],
)
def test_a_monthly_digest_is_about_the_month_before_its_day(now, name, days):
    moment = datetime.fromisoformat(now).replace(tzinfo=PARIS)
    period = newest_period(digest(every="month", day_of_month=3, hour=9), moment, PARIS)
    assert (period.name, local(period.start), local(period.end)) == (name, *days)


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["week", "month"]),
    st.sampled_from(["monday", "friday", "sunday"]),
    st.integers(1, 28),
    st.integers(0, 23),
)
def test_the_newest_period_is_due_ends_before_and_is_found_by_its_name(now, every, weekday, day, hour):
    settings = digest(every=every, weekday=weekday, day_of_month=day, hour=hour)
    period = newest_period(settings, now, PARIS)
    assert period.start < period.end <= period.due_at <= now
    assert (now - period.due_at).days <= (7 if every == "week" else 31)
    assert parse_period(period.name, settings, PARIS) == period
    assert date.fromisoformat(period.name.partition("-")[2]) == period.due_at.astimezone(PARIS).date()


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="no name of a period"):
        parse_period("year-2026-01-01", digest(), PARIS)
