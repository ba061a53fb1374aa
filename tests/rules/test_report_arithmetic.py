"""Periods, buckets, groups about staff, Holm's correction and mixes, against plain references."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import erfc, sqrt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.holm import find_significant
from nps_connect.rules.mix import compare_mix
from nps_connect.rules.nps_arithmetic import compute_difference, compute_nps
from nps_connect.rules.report_period import (
    ReportPeriod,
    bucket_starts,
    day_start,
    default_period,
    details_kept_since,
    previous_period,
)
from nps_connect.rules.score_counts import BucketCounts, ScoreCounts, merge_buckets
from nps_connect.rules.staff_privacy import find_suppressed_groups

numbers = st.lists(st.integers(0, 40), min_size=1, max_size=30)
splits = st.tuples(*(st.integers(0, 400) for _ in range(3))).filter(sum)


def of_promoters(count: int) -> ScoreCounts:
    return ScoreCounts.of_scores([(10, count)])


def weeks(counts: list[int]) -> list[BucketCounts]:
    first = date(2026, 1, 5)
    starts = [first + timedelta(weeks=index) for index in range(len(counts) + 1)]
    return [
        BucketCounts(start, end, of_promoters(count)) for (start, end), count in zip(pairwise(starts), counts, strict=True)
    ]  # fmt: skip


def test_published_examples():
    assert ScoreCounts.of_scores([(10, 70), (7, 20), (2, 10)]).figure().score == 60.0
    nearly_all_passive = ScoreCounts.of_scores([(7, 50), (8, 50)])  # an average of 7.5
    assert (nearly_all_passive.figure().score, nearly_all_passive.passives) == (0.0, 100)


@given(st.lists(st.integers(0, 10), max_size=60), st.integers(0, 9))
def test_counts_of_scores_equal_a_plain_count(scores, provisional):
    counts = ScoreCounts.of_scores([(score, 1) for score in scores], provisional)
    assert counts.promoters == sum(score >= 9 for score in scores)
    assert counts.detractors == sum(score <= 6 for score in scores)
    assert counts.passives == sum(score in (7, 8) for score in scores)
    assert (counts + counts).responses == 2 * len(scores)
    assert counts - counts == ScoreCounts()


@given(later=splits, earlier=splits)
def test_a_difference_agrees_with_floating_point(later, earlier):
    def spread(p, n, d):
        total = p + n + d
        promoting, detracting = (p + 0.75) / (total + 3), (d + 0.75) / (total + 3)
        return (promoting + detracting - (promoting - detracting) ** 2) / total

    difference = compute_difference(compute_nps(*later), compute_nps(*earlier))
    points = 100 * ((later[0] - later[2]) / sum(later) - (earlier[0] - earlier[2]) / sum(earlier))
    error = 100 * sqrt(spread(*later) + spread(*earlier))
    assert abs(difference.points - points) <= 0.051
    assert abs(difference.margin - 1.96 * error) <= 0.051
    assert abs(difference.p_value - erfc(abs(points) / error / sqrt(2))) < 1e-6
    is_beyond = abs(points) > 1.96 * error and min(sum(later), sum(earlier)) >= 30
    assert difference.is_beyond_noise == is_beyond or abs(abs(points) - 1.96 * error) < 1e-6


@given(numbers)
def test_merged_buckets_have_thirty_responses_and_lose_none(counts):
    merged = merge_buckets(weeks(counts))
    assert sum(bucket.counts.responses for bucket in merged) == sum(counts)
    assert all(bucket.counts.responses >= 30 for bucket in merged) or len(merged) == 1
    assert (merged[0].start, merged[-1].end) == (weeks(counts)[0].start, weeks(counts)[-1].end)
    assert all(earlier.end == later.start for earlier, later in pairwise(merged))


def test_nothing_is_merged_where_each_bucket_is_large_enough():
    assert [bucket.counts.responses for bucket in merge_buckets(weeks([30, 31, 29, 1, 5]))] == [30, 31, 35]
    assert merge_buckets([]) == []


@pytest.mark.parametrize(
    ("per_day", "name", "start"),
    [(2, "4-weeks", date(2026, 11, 3)), (0.5, "3-months", date(2026, 9, 1)), (0.01, "12-months", date(2025, 12, 1))],
)
def test_the_default_period_is_the_shortest_with_thirty_responses(per_day, name, start):
    today = date(2026, 11, 30)
    period = default_period(today, lambda since: int(per_day * (today - since).days))
    assert (period.name, period.start, period.last_day) == (name, start, today)


def test_the_period_before_ends_where_the_period_starts():
    today = date(2026, 3, 31)
    months = default_period(today, lambda since: 30 if since < date(2026, 3, 1) else 0)
    before = previous_period(months)
    assert (months.start, before.start, before.end) == (date(2026, 1, 1), date(2025, 10, 1), date(2026, 1, 1))
    custom = previous_period(ReportPeriod("custom", date(2026, 3, 1), date(2026, 3, 11)))
    assert (custom.start, custom.end) == (date(2026, 2, 19), date(2026, 3, 1))


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1)),
    st.sampled_from(["Europe/Paris", "America/Havana", "Asia/Beirut", "Australia/Lord_Howe", "Africa/Cairo"]),
)
def test_a_day_starts_when_the_date_changes_also_where_clocks_change_at_midnight(naive, name):
    zone, moment = ZoneInfo(name), naive.replace(tzinfo=UTC)
    day = moment.astimezone(zone).date()
    assert day_start(day, zone) <= moment < day_start(day + timedelta(days=1), zone)


@pytest.mark.parametrize(
    ("unit", "starts"),
    [
        ("week", ["2026-01-30", "2026-02-02", "2026-02-09"]),
        ("month", ["2026-01-30", "2026-02-01"]),
    ],
)
def test_weeks_start_on_monday_and_months_on_the_first(unit, starts):
    assert [day.isoformat() for day in bucket_starts(date(2026, 1, 30), date(2026, 2, 11), unit)] == starts
    with pytest.raises(ValueError, match="ends before"):
        bucket_starts(date(2026, 1, 30), date(2026, 1, 30), unit)


def test_details_are_kept_from_the_day_after_the_retention_began_to_apply():
    now = datetime(2026, 11, 30, 12, tzinfo=UTC)
    assert details_kept_since(now, timedelta(days=10), ZoneInfo("Europe/Paris")) == date(2026, 11, 21)


@given(st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 9), max_size=7))
def test_no_small_group_is_shown_or_can_be_computed(groups):
    hidden = find_suppressed_groups(groups)
    shown = {name: size for name, size in groups.items() if name not in hidden}
    assert all(size == 0 or size >= 5 for size in shown.values())
    remainder = sum(groups.values()) - sum(shown.values())
    if remainder and shown and any(shown.values()):
        assert remainder >= 5
        assert len(hidden) > 1
    if all(size == 0 or size >= 5 for size in groups.values()):
        assert hidden == frozenset()


def test_groups_of_customers_are_hidden_only_as_a_complement():
    assert find_suppressed_groups({"small-team": 2, "lyon": 40, "paris": 3}, {"small-team"}) == {"small-team", "paris"}


def test_two_overlapping_periods_are_each_shown_so_that_their_difference_is_not_hidden():
    # Known and documented under "Figures about members of staff" in docs/figures.md: a report knows no other report.
    with_the_last_day, without_it = {"anna": 6, "ben": 9}, {"anna": 5, "ben": 9}
    assert find_suppressed_groups(with_the_last_day) == find_suppressed_groups(without_it) == frozenset()
    assert find_suppressed_groups({"anna": 1, "ben": 0}) == {"anna"}, "asked for alone, the day is hidden"


def test_holm_compares_the_smallest_first_and_stops():
    # Holm (1979): 0.01 <= 0.05 / 4, 0.015 <= 0.05 / 3, 0.03 > 0.05 / 2: the last two are not significant
    assert find_significant({"a": 0.03, "b": 0.01, "c": 0.015, "d": 0.04}) == {"b", "c"}
    assert find_significant({}) == frozenset()


def test_of_a_hundred_null_worlds_few_claim_anything():
    rng = random.Random(7)
    worlds = 400
    claims = sum(bool(find_significant({group: rng.random() for group in range(10)})) for _ in range(worlds))
    assert claims <= worlds * 0.08


def test_another_mix_is_told_and_an_equal_one_is_not():
    assert compare_mix({"web": 90, "phone": 10}, {"web": 50, "phone": 50}).differing == {"web", "phone"}
    assert not compare_mix({"web": 90, "phone": 10}, {"web": 45, "phone": 5})
    assert not compare_mix({}, {"web": 10})
