"""NPS and its margin of error."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.nps_arithmetic import compute_nps

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
