"""Silence is compared with the same hours of the weeks before, so that nights and weekends are never reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.silence import COMPARED_WEEKS, MIN_USUAL_EVENTS, compared_periods, is_unusual_silence

PARIS = ZoneInfo("Europe/Paris")
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
SILENCES = st.timedeltas(timedelta(0), timedelta(days=60))


@pytest.mark.parametrize(
    ("silence", "usual_counts", "expected"),
    [
        (timedelta(hours=5), [12, 9, 14, 11], True),
        (timedelta(hours=5), [12, 9, 4, 11], False),
        (timedelta(minutes=59), [80, 90, 70, 100], False),
        (timedelta(days=2), [0, 0, 0, 0], False),
        (timedelta(days=36), [0, 1, 0, 100], True),
        (timedelta(days=6), [50], False),
        (timedelta(days=8), [50], True),
        (timedelta(days=8), [], True),
    ],
)
def test_a_silence_is_unusual_if_every_week_before_had_events_in_these_hours(silence, usual_counts, expected):
    assert is_unusual_silence(silence, usual_counts) is expected


def test_the_periods_have_the_wall_clock_times_of_the_silence():
    last = datetime(2026, 3, 30, 7, tzinfo=UTC)  # Monday 9:00 in Paris, the day after the change to summer time
    [week_before, *_] = compared_periods(last, last + timedelta(hours=3), PARIS)
    assert week_before.start.astimezone(PARIS).isoformat() == "2026-03-23T09:00:00+01:00"
    assert week_before.end.astimezone(PARIS).isoformat() == "2026-03-23T12:00:00+01:00"


@given(MOMENTS, SILENCES)
def test_the_periods_are_earlier_and_never_longer_than_a_week(last, silence):
    periods = compared_periods(last, last + silence, PARIS)
    assert len(periods) == COMPARED_WEEKS
    for period in periods:
        assert period.start <= period.end <= last
        assert period.end - period.start <= timedelta(days=7, hours=1)


@given(SILENCES, st.lists(st.integers(0, 50), min_size=2, max_size=4))
def test_more_usual_events_never_make_a_silence_less_unusual(silence, counts):
    more = [count + MIN_USUAL_EVENTS for count in counts]
    assert is_unusual_silence(silence, more) >= is_unusual_silence(silence, counts)
