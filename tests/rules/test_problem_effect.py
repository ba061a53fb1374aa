"""Whether a fix worked: the days that are compared, and the verdicts."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.problem_simulation import LARGE, LIMIT, MIDDLE, WORLDS, count_claims, count_found, judge_world

from nps_connect.rules.nps_arithmetic import compute_nps
from nps_connect.rules.problem_effect import (
    DaySpan,
    ScoreComparison,
    ShareComparison,
    judge_score,
    judge_share,
    plan_evaluation,
)

DAY = timedelta(days=1)
JUNE = DaySpan(date(2026, 6, 1), date(2026, 6, 28))
WORSE, SAME, BETTER = compute_nps(400, 300, 300), compute_nps(500, 300, 200), compute_nps(600, 300, 100)


def days_of(*spans):
    return [span.first + number * DAY for span in spans for number in range((span.last - span.first).days + 1)]


def test_the_days_that_led_to_the_problem_are_in_neither_period():
    plan = plan_evaluation(fixed_on=date(2026, 7, 11), entered_on=date(2026, 7, 11), evidence=JUNE, days=28)
    assert plan.before == (
        DaySpan(date(2026, 5, 16), date(2026, 5, 31)),
        DaySpan(date(2026, 6, 29), date(2026, 7, 10)),
    )
    assert plan.after == DaySpan(date(2026, 7, 12), date(2026, 8, 8))
    assert plan.due_on == date(2026, 8, 9)


def test_a_fix_entered_late_is_judged_by_days_that_nobody_has_seen():
    plan = plan_evaluation(fixed_on=date(2026, 7, 1), entered_on=date(2026, 7, 20), evidence=JUNE, days=10)
    assert plan.after.first == date(2026, 7, 21)
    assert days_of(*plan.before)[-1] == date(2026, 6, 30)


@given(st.integers(-60, 60), st.integers(0, 40), st.integers(-90, 30), st.integers(0, 60), st.integers(1, 90))
def test_both_periods_have_the_same_length_and_no_evidence(fixed, entered, evidence, length, days):
    start = date(2026, 7, 1)
    fixed_on, first = start + fixed * DAY, start + evidence * DAY
    span = DaySpan(first, first + length * DAY)
    plan = plan_evaluation(fixed_on=fixed_on, entered_on=start + entered * DAY, evidence=span, days=days)
    before, after = days_of(*plan.before), days_of(plan.after)
    assert len(before) == len(set(before)) == len(after) == days
    assert before == sorted(before)
    assert max(before) < fixed_on < min(after)
    assert not set(before) & set(days_of(span))
    skipped = set(days_of(DaySpan(min(before), fixed_on - DAY))) - set(before)
    assert skipped <= set(days_of(span))


def test_a_period_needs_a_day():
    with pytest.raises(ValueError, match="day"):
        plan_evaluation(fixed_on=JUNE.last, entered_on=JUNE.last, evidence=JUNE, days=0)


def test_a_rise_that_the_others_share_is_no_effect():
    effect = judge_score(ScoreComparison(WORSE, BETTER, WORSE, BETTER))
    assert (effect.verdict, effect.difference.points) == ("no_change_seen", 0.0)
    assert effect.concerned.is_beyond_noise


@pytest.mark.parametrize(
    ("before", "after", "verdict", "points"), [(WORSE, SAME, "better", 20.0), (BETTER, SAME, "worse", -20.0)]
)
def test_only_those_concerned_moved(before, after, verdict, points):
    effect = judge_score(ScoreComparison(before, after, SAME, SAME))
    assert (effect.verdict, effect.difference.points, effect.others.points) == (verdict, points, 0.0)


@pytest.mark.parametrize("cell", range(4))
def test_a_score_of_few_is_not_judged(cell):
    figures = [WORSE, BETTER, SAME, SAME]
    figures[cell] = compute_nps(0, 0, 29)
    assert judge_score(ScoreComparison(*figures)).verdict == "too_few"


@pytest.mark.parametrize(
    ("named", "verdict"), [(60, "better"), (100, "no_change_seen"), (150, "worse"), (95, "no_change_seen")]
)
def test_a_cause_is_judged_by_how_many_name_it(named, verdict):
    assert judge_share(ShareComparison(100, 1000, named, 1000)).verdict == verdict


def test_a_share_of_nobody_is_not_judged():
    effect = judge_share(ShareComparison(40, 400, 0, 0))
    assert (effect.verdict, effect.difference.points) == ("too_few", None)


def test_fixes_without_effect_are_rarely_claimed_even_for_the_worst_of_ten_groups():
    worlds = 300
    assert count_claims(lambda random: judge_world(random, MIDDLE), worlds) <= LIMIT * worlds / WORLDS


def test_the_days_that_led_to_the_problem_would_make_useless_fixes_look_good():
    worlds = 300
    claims = count_claims(lambda random: judge_world(random, LARGE, leave_out_evidence=False), worlds)
    assert claims > LIMIT * worlds / WORLDS


def test_an_effect_of_ten_points_is_found_four_times_of_five():
    assert count_found(10, 150) >= 120
