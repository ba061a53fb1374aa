"""Coordinates of charts: inside the picture, in proportion to the figures, and readable."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rendering.chart_geometry import (
    SMALLEST_BAR,
    TrendBucket,
    bar_widths,
    choose_score_axis,
    distribution_bars,
    place_interval,
    split_bars,
    trend_shape,
)

MONDAY = date(2026, 6, 1)
SCORES = st.floats(-100, 100)
COUNTS = st.lists(st.integers(0, 2_000_000), min_size=1, max_size=11)


def weeks(*scores: float | None, margin: float = 10) -> list[TrendBucket]:
    """Buckets of a week each, from a Monday that is the first of a month."""
    buckets = []
    for number, score in enumerate(scores):
        start = MONDAY + timedelta(weeks=number)
        low, high = (None, None) if score is None else (max(score - margin, -100), min(score + margin, 100))
        buckets.append(TrendBucket(start, start + timedelta(weeks=1), score, low, high))
    return buckets


@given(st.lists(st.one_of(st.none(), SCORES), max_size=60), st.floats(1, 60))
def test_everything_in_a_trend_lies_inside_the_drawing_area(scores, margin) -> None:
    shape = trend_shape(weeks(*scores, margin=margin), width=320, height=200)
    assert len(shape.marks) == sum(score is not None for score in scores)
    for mark in shape.marks:
        assert shape.left <= mark.left <= mark.at.x <= mark.right <= shape.right
        assert shape.top <= mark.high <= mark.at.y <= mark.low <= shape.bottom
    assert all(before.at.x <= after.at.x for before, after in pairwise(shape.marks))
    assert all(shape.left <= x <= shape.right for x, _day in shape.date_ticks)


def test_higher_scores_stand_higher_and_equal_distances_stay_equal() -> None:
    low, middle, high = trend_shape(weeks(0, 20, 40)).marks
    assert low.at.y > middle.at.y > high.at.y
    assert low.at.y - middle.at.y == pytest.approx(middle.at.y - high.at.y, abs=0.11)
    assert middle.at.x - low.at.x == pytest.approx(high.at.x - middle.at.x, abs=0.11)


def test_points_stand_at_the_middle_of_their_days_and_the_chart_begins_and_ends_with_one() -> None:
    lengths = (1, 3, 2, 1)
    buckets, start = [], MONDAY
    for length in lengths:
        buckets.append(TrendBucket(start, start + timedelta(weeks=length), 10, 0, 20))
        start = buckets[-1].end
    shape = trend_shape(buckets)
    places = [mark.at.x for mark in shape.marks]
    assert (places[0], places[-1]) == (shape.left, shape.right)
    weeks_between = [(before + after) / 2 for before, after in pairwise(lengths)]
    unit = (shape.right - shape.left) / sum(weeks_between)
    for (before, after), distance in zip(pairwise(places), weeks_between, strict=True):
        assert after - before == pytest.approx(unit * distance, abs=0.11)
    assert all(mark.left <= mark.at.x <= mark.right for mark in shape.marks)


def test_a_single_point_stands_in_the_middle() -> None:
    shape = trend_shape(weeks(30))
    assert [mark.at.x for mark in shape.marks] == [(shape.left + shape.right) / 2]


def test_a_week_without_responses_interrupts_the_line() -> None:
    shape = trend_shape(weeks(10, 12, None, 20, 22, 24))
    assert [line.count(",") for line in shape.lines] == [2, 3]
    assert [band.count(",") for band in shape.bands] == [4, 6]
    assert [mark.bucket for mark in shape.dots] == [5]
    assert not shape.whiskers


def test_a_point_that_no_line_reaches_is_drawn_with_its_band() -> None:
    shape = trend_shape(weeks(None, 10, None, 20, 22))
    assert [mark.bucket for mark in shape.whiskers] == [1]
    assert [mark.bucket for mark in shape.dots] == [1, 4]


def test_months_are_labelled_where_they_begin_and_short_periods_by_their_buckets() -> None:
    assert [day for _x, day in trend_shape(weeks(*range(26))).date_ticks] == [date(2026, m, 1) for m in range(7, 12)]
    assert [day for _x, day in trend_shape(weeks(1, 2, 3)).date_ticks] == [
        MONDAY + timedelta(weeks=number) for number in range(3)
    ]


@pytest.mark.parametrize("width", [300, 696])
def test_labels_keep_apart(width) -> None:
    ticks = trend_shape(weeks(*range(53)), width=width, label_width=36).date_ticks
    assert len(ticks) >= 5
    assert all(after - before >= 36 for (before, _), (after, _) in pairwise(ticks))


def test_a_trend_without_any_response_is_an_empty_frame() -> None:
    assert trend_shape([]).marks == ()
    assert trend_shape(weeks(None, None)).marks == ()


@given(st.lists(SCORES, max_size=20))
def test_grid_lines_enclose_the_scores_in_few_even_steps(scores) -> None:
    axis = choose_score_axis(scores)
    assert -100 <= axis[0] < axis[-1] <= 100
    assert all(axis[0] <= score <= axis[-1] for score in scores)
    assert len({after - before for before, after in pairwise(axis)}) == 1
    assert 2 <= len(axis) <= 6


@pytest.mark.parametrize(
    ("scores", "axis"),
    [
        ([12, 74], (0, 20, 40, 60, 80)),
        ([-100, 100], (-100, -50, 0, 50, 100)),
        ([52, 61], (50, 55, 60, 65)),
        ([20, 35], (0, 10, 20, 30, 40)),
        ([-8, 3], (-10, -5, 0, 5)),
        ([], (-5, 0, 5)),
        ([100, 100], (95, 100)),
    ],
)
def test_grid_lines_stand_at_round_scores(scores, axis) -> None:
    assert choose_score_axis(scores) == axis


@given(COUNTS)
def test_bars_are_as_high_as_their_counts_and_none_vanishes(counts) -> None:
    bars = distribution_bars(counts)
    tallest = max(bar.height for bar in bars)
    for count, bar in zip(counts, bars, strict=True):
        assert (bar.height >= SMALLEST_BAR) == (count > 0)
        assert bar.y + bar.height == pytest.approx(172)
        if count:
            expected = max(count / max(counts) * tallest, SMALLEST_BAR)
            assert bar.height == pytest.approx(expected, abs=0.11)
    assert bars[-1].x + bars[-1].width == pytest.approx(320, abs=0.2)


@given(COUNTS)
def test_the_longest_bar_of_a_funnel_is_full(counts) -> None:
    widths = bar_widths(counts)
    assert max(widths) == (100 if any(counts) else 0)
    assert all((width > 0) == (count > 0) for width, count in zip(widths, counts, strict=True))


@given(st.tuples(*[st.integers(0, 10_000)] * 3))
def test_parts_of_the_split_bar_fill_it_without_gap(counts) -> None:
    parts = split_bars(counts)
    if not sum(counts):
        assert parts == ()
        return
    assert sum(part.width for part in parts) == pytest.approx(100, abs=0.3)
    for part, count in zip(parts, counts, strict=True):
        assert part.width == pytest.approx(100 * count / sum(counts), abs=0.11)


def test_an_interval_holds_its_score_on_the_shared_axis() -> None:
    axis = choose_score_axis([-20, 60])
    interval = place_interval(20, -20, 60, axis, width=240)
    assert 0 < interval.low < interval.at < interval.high < 240
    assert interval.at - interval.low == pytest.approx(interval.high - interval.at, abs=0.11)
