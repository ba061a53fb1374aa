"""NPS and its margin of error."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.nps_arithmetic import (
    compute_contrast,
    compute_difference,
    compute_nps,
    compute_share_difference,
)

counts = st.integers(0, 10_000)


def test_the_score_is_promoters_minus_detractors_in_percent():
    assert compute_nps(70, 20, 10).score == 60.0


def test_a_single_segment():
    assert [compute_nps(*split).score for split in ((5, 0, 0), (0, 0, 5), (0, 5, 0))] == [100.0, -100.0, 0.0]


def test_equal_responses_claim_no_certainty():
    # 1 detractor: P = 0.75 / 4, D = 1.75 / 4: variance (0.625 - 0.0625) / 4, root 0.375, times 1.96 around -25
    one = compute_nps(0, 0, 1)
    assert (one.margin, one.low, one.high) == (73.5, -100.0, 48.5)
    all_promoters = compute_nps(40, 0, 0)
    assert (all_promoters.margin, all_promoters.low, all_promoters.high) == (9.4, 83.6, 100.0)
    assert compute_nps(0, 5, 0).margin > 0


def test_without_responses_there_is_no_score():
    empty = compute_nps(0, 0, 0, provisional=4)
    assert (empty.score, empty.margin, empty.responses, empty.provisional_share) == (None, None, 0, 1.0)
    assert empty.too_small


def test_a_margin_computed_by_hand():
    # P = 50.75 / 103, D = 30.75 / 103: variance (0.79126 - 0.03770) / 103, root 0.08553, times 1.96 around 19.42
    figure = compute_nps(50, 20, 30)
    assert (figure.margin, figure.low, figure.high) == (16.8, 2.6, 36.2)


def test_fewer_than_thirty_responses_are_too_small():
    assert compute_nps(29, 0, 0).too_small
    assert not compute_nps(10, 10, 10).too_small


def test_provisional_responses_count_only_in_their_share():
    assert compute_nps(6, 2, 2, provisional=10).provisional_share == 0.5
    assert compute_nps(6, 2, 2, provisional=10).score == compute_nps(6, 2, 2).score


@pytest.mark.parametrize("split", [(-1, 0, 0), (0, -1, 0), (0, 0, -1)])
def test_negative_counts_are_refused(split):
    with pytest.raises(ValueError, match="negative"):
        compute_nps(*split)
    with pytest.raises(ValueError, match="negative"):
        compute_nps(1, 1, 1, provisional=-1)


@given(counts, counts, counts)
def test_score_and_margin_stay_in_bounds_and_agree_with_floating_point(promoters, passives, detractors):
    figure = compute_nps(promoters, passives, detractors)
    assert figure.responses == promoters + passives + detractors
    if figure.responses == 0:
        return
    p, d = promoters / figure.responses, detractors / figure.responses
    total = figure.responses + 3
    ap, ad = (promoters + 0.75) / total, (detractors + 0.75) / total
    assert -100 <= figure.low <= figure.score <= figure.high <= 100
    assert -100 <= figure.score <= 100
    assert abs(figure.score - (p - d) * 100) <= 0.05 + 1e-9
    assert abs(figure.margin - 196 * sqrt((ap + ad - (ap - ad) ** 2) / total)) <= 0.05 + 1e-6


@given(counts, counts, counts)
def test_a_mirrored_split_has_the_mirrored_score_and_the_same_margin(promoters, passives, detractors):
    figure, mirrored = compute_nps(promoters, passives, detractors), compute_nps(detractors, passives, promoters)
    assert figure.margin == mirrored.margin
    assert (figure.score or 0.0) == -(mirrored.score or 0.0)


@given(counts, counts, counts)
def test_a_hundred_times_as_many_responses_of_the_same_split_narrow_the_margin_and_keep_the_score(
    promoters, passives, detractors
):
    few = compute_nps(promoters, passives, detractors)
    many = compute_nps(promoters * 100, passives * 100, detractors * 100)
    assert few.score == many.score
    assert few.margin is None or many.margin <= few.margin


def spread(promoters, passives, detractors):
    """The squared standard error of a score in points, of the split with three responses added, over the real number."""
    total = promoters + passives + detractors
    p, d = (promoters + 0.75) / (total + 3), (detractors + 0.75) / (total + 3)
    return 10_000 * (p + d - (p - d) ** 2) / total


def test_a_difference_computed_by_hand():
    # +20 - -20; each squared error is 100² * (0.79126 - 0.03770) / 100: root of 150.71, times 1.96
    difference = compute_difference(compute_nps(50, 20, 30), compute_nps(30, 20, 50))
    assert (difference.points, difference.margin, difference.low, difference.high) == (40.0, 24.1, 15.9, 64.1)
    assert difference.is_beyond_noise
    assert difference.p_value == pytest.approx(0.00112, abs=0.00001)


@given(*[st.tuples(counts, counts, counts).filter(any) for _ in range(4)])
def test_a_difference_in_differences_agrees_with_floating_point(after, before, others_after, others_before):
    splits = (1, after), (-1, before), (-1, others_after), (1, others_before)
    difference = compute_contrast([(weight, compute_nps(*split)) for weight, split in splits])
    points = sum(weight * 100 * (split[0] - split[2]) / sum(split) for weight, split in splits)
    error = sqrt(sum(spread(*split) for _, split in splits))
    assert abs(difference.points - points) <= 0.05 + 1e-9
    assert abs(difference.margin - 1.96 * error) <= 0.05 + 1e-6
    assert abs(difference.smallest_visible - 2.8 * error) <= 0.05 + 1e-6
    assert difference.p_value == pytest.approx(2 * (1 - NormalDist().cdf(abs(points) / error)), abs=1e-6)
    assert difference.too_small == any(sum(split) < 30 for _, split in splits)
    if not difference.too_small and abs(abs(points) - 1.96 * error) > 1e-6:
        assert difference.is_beyond_noise == (abs(points) > 1.96 * error)


def test_the_difference_of_nothing_is_unknown():
    difference = compute_difference(compute_nps(0, 0, 0), compute_nps(100, 100, 100))
    assert (difference.points, difference.p_value, difference.is_beyond_noise) == (None, None, False)
    assert difference.too_small


def test_a_share_falls_beyond_noise():
    # 5 % - 10 % of 1,000 each; (51/1002)(951/1002)/1000 + (101/1002)(901/1002)/1000: root 0.01179, times 1.96
    difference = compute_share_difference((50, 1000), (100, 1000))
    assert (difference.points, difference.margin, difference.is_beyond_noise) == (-5.0, 2.3, True)
    assert compute_share_difference((90, 1000), (100, 1000)).is_beyond_noise is False


@pytest.mark.parametrize("later", [(0, 29), (2, 30)])
def test_a_share_of_few_is_too_small_to_judge(later):
    assert compute_share_difference(later, (80, 1000)).too_small


@pytest.mark.parametrize("later", [(-1, 10), (11, 10)])
def test_a_share_of_impossible_counts_is_refused(later):
    with pytest.raises(ValueError, match="total"):
        compute_share_difference(later, (1, 10))
