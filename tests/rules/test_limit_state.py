"""Baseline of a trigger, from ledger counts and from decisions since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.limit_state import BASELINE_PERIOD, LimitState

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
MOMENTS = st.lists(st.integers(0, 40 * 24 * 4).map(lambda quarters: NOW - timedelta(minutes=15 * quarters))).map(sorted)


def build_state(moments: list[datetime]) -> LimitState:
    return LimitState(UTC, lambda _trigger, _day: 0, reached={"t": moments})


def test_baseline_covers_four_weeks_without_the_latest_span():
    moments = sorted(NOW - timedelta(days=day, hours=2) for day in range(28))
    assert build_state(moments).baseline("t", NOW, HOUR) == 28 / (28 * 24 - 1)
    assert build_state([NOW - BASELINE_PERIOD, NOW - timedelta(minutes=59)]).baseline("t", NOW, HOUR) == 0
    assert build_state(moments).baseline("another", NOW, HOUR) == 0


def test_span_longer_than_the_period_has_no_baseline():
    assert build_state([NOW - timedelta(days=3)]).baseline("t", NOW, timedelta(days=30)) == 0


@given(MOMENTS, st.integers(1, 27 * 24).map(lambda hours: timedelta(hours=hours)))
def test_baseline_is_the_same_from_ledger_counts_and_from_memory(moments, within):
    kept = build_state(moments)
    counted = build_state([])
    counted.reached_before = {"t": sum(moment > NOW - within for moment in moments)}
    counted.baseline_reached = lambda _trigger: sum(
        NOW - BASELINE_PERIOD < moment <= NOW - within for moment in moments
    )
    assert counted.baseline("t", NOW, within) == kept.baseline("t", NOW, within)
    assert counted.reached_since("t", NOW - within) == kept.reached_since("t", NOW - within)
