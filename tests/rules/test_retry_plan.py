"""Retry plans: delays, jitter, Retry-After and the total."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.retry_plan import INTAKE_PLAN, RetryPlan, next_attempt_at, parse_retry_plan

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
PLAN = parse_retry_plan("20s 1m 5m 2h", jitter=0.2, total="1d")
seconds = st.integers(0, 10**6).map(lambda n: timedelta(seconds=n))
chances = st.floats(0, 1, exclude_max=True)


def wait(attempts, *, plan=PLAN, first_try=NOW, chance=0.5, after=None):
    moment = next_attempt_at(plan, attempts, first_try, NOW, chance, after)
    return None if moment is None else moment - NOW


def test_each_failure_has_its_own_delay_and_the_last_is_final():
    minutes = [20 / 60, 1, 5, 120]
    assert [wait(n) for n in (1, 2, 3, 4, 5)] == [*(timedelta(minutes=m) for m in minutes), None]


def test_jitter_bounds_the_random_part_of_a_delay():
    assert wait(1, chance=0.0) == timedelta(seconds=16)
    assert timedelta(seconds=23.9) < wait(1, chance=0.999) < timedelta(seconds=24)


def test_no_attempt_is_later_than_the_total():
    assert wait(4, first_try=NOW - timedelta(hours=22)) == timedelta(hours=2)
    assert wait(4, first_try=NOW - timedelta(hours=22, seconds=1)) is None


def test_retry_after_is_capped_at_an_hour_or_twice_the_delay():
    assert wait(1, after=timedelta(minutes=10)) == timedelta(minutes=10)
    assert wait(1, after=timedelta(hours=5)) == timedelta(hours=1)
    assert wait(4, after=timedelta(hours=5)) == timedelta(hours=4)


def test_retry_after_never_shortens_a_delay():
    assert wait(2, after=timedelta(0)) == timedelta(minutes=1)


def test_intake_has_a_plan():
    assert INTAKE_PLAN.delays


@pytest.mark.parametrize(("delays", "jitter", "total"), [("0s", 0.2, "1d"), ("1m", 1.0, "1d"), ("1m", 0.2, "0s")])
def test_an_invalid_plan_is_refused(delays, jitter, total):
    with pytest.raises(ValueError, match=r"jitter|must be positive"):
        parse_retry_plan(delays, jitter=jitter, total=total)


@given(st.lists(seconds.filter(bool), max_size=6), st.integers(1, 8), seconds, seconds, chances, st.none() | seconds)
def test_an_attempt_is_in_the_future_and_within_the_plan(delays, attempts, total, age, chance, after):
    plan = RetryPlan(tuple(delays), 0.2, total + timedelta(seconds=1))
    moment = next_attempt_at(plan, attempts, NOW - age, NOW, chance, after)
    if attempts > len(delays):
        assert moment is None
    if moment is not None:
        delay = delays[attempts - 1]
        assert NOW + delay * 0.8 <= moment <= NOW + max(2 * delay, timedelta(hours=1))
        assert moment - (NOW - age) <= plan.total
