"""Alarms of scores: few false ones over all series, real drops found, small samples not judged."""

import random
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.score_alarm_simulation import World, count_false_alarms, weeks_to_alarm

from nps_connect.rules.nps_arithmetic import compute_difference, compute_nps, drop_probability
from nps_connect.rules.score_alarm import HISTORY_WEEKS, LOOKS, WINDOW_WEEKS, WeekCounts, alarm_limit, find_drop

CALM = [WeekCounts(20, 12, 8)] * HISTORY_WEEKS


def test_the_limits_of_all_comparisons_of_two_years_add_up_to_less_than_one_alarm():
    for series in (1, 3, 40):
        assert alarm_limit(series) * series * LOOKS * len(WINDOW_WEEKS) <= 0.8 + 1e-9


@pytest.mark.parametrize(
    "world", [World(1, 40, 0.5, 0.2), World(4, 10, 0.5, 0.2), World(1, 40, 0.85, 0.05), World(1, 40, 0.2, 0.5)]
)
def test_two_years_without_a_change_raise_one_alarm_at_most(world):
    rng = random.Random(7)
    worlds = 4
    assert sum(count_false_alarms(world, rng) for _ in range(worlds)) <= worlds


def test_a_drop_of_twenty_points_is_found_within_weeks():
    rng = random.Random(7)
    found = [weeks_to_alarm(World(4, 100, 0.5, 0.2, drop=20), rng) for _ in range(10)]
    assert all(week is not None and week <= 8 for week in found)


def test_an_unchanged_and_a_rising_score_raise_none():
    assert find_drop(CALM, 1) is None
    assert find_drop([*CALM[:-4], *[WeekCounts(40, 0, 0)] * 4], 1) is None


def test_a_large_drop_shows_after_one_week_and_says_what_was_compared():
    drop = find_drop([*CALM[:-1], WeekCounts(2, 10, 28)], 3)
    assert drop.window_weeks == 1
    assert (drop.recent.responses, drop.earlier.responses) == (40, 26 * 40)
    assert (drop.recent.score, drop.earlier.score) == (-65.0, 30.0)
    assert drop.difference == compute_difference(drop.recent, drop.earlier)


@pytest.mark.parametrize(
    "weeks",
    [
        [],
        [WeekCounts(0, 0, 40)],
        [*CALM[:-4], *[WeekCounts(0, 0, 7)] * 4],  # 28 responses in four weeks
        [WeekCounts(2, 0, 0)] * 29 + [WeekCounts(0, 0, 40)],  # 52 before
    ],
)
def test_too_few_responses_are_not_judged(weeks):
    assert find_drop(weeks, 1) is None


def test_the_probability_of_a_drop_is_near_that_of_an_exact_count():
    """60 of 100 promoters before, 45 of 100 after, no passives: the two-sided p-value halved, by hypergeometric sums."""
    probability = drop_probability(compute_nps(45, 0, 55), compute_nps(60, 0, 40))
    exact = sum(comb(105, k) * comb(95, 100 - k) for k in range(46)) / comb(200, 100)
    mid = exact - comb(105, 45) * comb(95, 55) / comb(200, 100) / 2
    assert probability == pytest.approx(mid, rel=0.15)


@given(st.tuples(*[st.integers(0, 200)] * 6))
def test_a_probability_is_never_smaller_than_that_of_the_shown_difference(counts):
    later, earlier = compute_nps(*counts[:3]), compute_nps(*counts[3:])
    probability, difference = drop_probability(later, earlier), compute_difference(later, earlier)
    assert 0 <= probability <= 1
    if difference.points is not None and difference.points < 0:
        assert probability >= difference.p_value / 2
    else:
        assert probability == 1
