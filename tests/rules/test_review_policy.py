"""Review gating and the choice of a platform."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nps_connect.records.base import SEGMENTS
from nps_connect.records.connectors import ReviewPolicy
from nps_connect.rules.review_policy import ReviewGating, choose_platform, find_review_gating
from nps_connect.settings.model import Route

STRICT = ReviewPolicy(rule="ask-everyone", reason="asking only happy customers is forbidden", source="its rules")
FREE = ReviewPolicy(rule="free", reason="no such rule", source="its rules")
UNHAPPY = tuple(range(9))
REASON = "agreed with the platform's support on 2026-05-01"


def invite(on, via="reviews", **fields):
    return Route(on=on, do="invite_review", via=via, **fields)


def test_asking_promoters_only_is_a_gap():
    routes = [Route(on="any", do="write_score", via="crm"), invite("promoter")]
    assert find_review_gating(routes, {"reviews": STRICT}) == [ReviewGating("reviews", UNHAPPY, (1,), None)]


def test_another_wording_and_delay_is_no_gap():
    routes = [invite("promoter", delay="2h"), invite(["passive", "detractor"], lead="help", delay="3d")]
    assert find_review_gating(routes, {"reviews": STRICT}) == []


def test_a_free_platform_and_one_without_routes_have_no_gap():
    assert find_review_gating([invite("promoter")], {"reviews": FREE, "other": STRICT}) == []


def test_a_gap_has_the_written_reason():
    routes = [invite("promoter", accept_selective_invitation=REASON)]
    assert find_review_gating(routes, {"reviews": STRICT}) == [ReviewGating("reviews", UNHAPPY, (0,), REASON)]


def test_promoters_of_one_survey_and_detractors_of_another_are_two_gaps():
    routes = [invite("promoter", surveys=["one"]), invite(["passive", "detractor"], surveys=["two"])]
    assert find_review_gating(routes, {"reviews": STRICT}) == [
        ReviewGating("reviews", UNHAPPY, (0,), None),
        ReviewGating("reviews", (9, 10), (1,), None),
    ]


def test_a_survey_that_asks_everybody_does_not_close_the_gap_of_another():
    routes = [invite("any", surveys=["one"]), invite("promoter")]
    assert find_review_gating(routes, {"reviews": STRICT}) == [ReviewGating("reviews", UNHAPPY, (1,), None)]


def test_another_platform_does_not_close_the_gap():
    routes = [invite("promoter"), invite(["passive", "detractor"], via="other")]
    assert [gap.via for gap in find_review_gating(routes, {"reviews": STRICT, "other": STRICT})] == ["reviews", "other"]


def test_a_gap_is_described_by_segments_where_these_are_complete():
    assert ReviewGating("reviews", UNHAPPY, (0,), None).description == "passive and detractor"
    assert ReviewGating("reviews", (0, 1), (0,), None).description == "scores 0 and 1"


def test_asking_all_segments_but_not_the_lowest_scores_is_a_gap():
    routes = [invite(["promoter", "passive"]), invite("detractor", scores=[3, 4, 5, 6])]
    assert find_review_gating(routes, {"reviews": STRICT}) == [ReviewGating("reviews", (0, 1, 2), (0, 1), None)]


def test_each_language_and_touchpoint_must_be_asked_in_full():
    french = [invite("any", languages=["fr"])]
    assert find_review_gating(french, {"reviews": STRICT}) == []
    mixed = [invite("promoter", languages=["fr"]), invite(["passive", "detractor"], languages=["en"])]
    assert [gap.scores for gap in find_review_gating(mixed, {"reviews": STRICT})] == [(9, 10), UNHAPPY]
    touchpoints = [invite("promoter", touchpoints=["purchase"]), invite("any", touchpoints=["support"])]
    assert [gap.scores for gap in find_review_gating(touchpoints, {"reviews": STRICT})] == [UNHAPPY]


def test_sending_detractors_to_another_platform_by_weight_is_a_gap():
    routes = [
        invite("promoter", weight=9),
        invite(["passive", "detractor"], weight=1),
        invite("any", via="other"),
    ]
    assert find_review_gating(routes, {"reviews": STRICT}) == [
        ReviewGating("reviews", UNHAPPY, (0, 1), None, never=False)
    ]
    assert find_review_gating(routes, {"other": STRICT}) == []


def test_sending_detractors_to_another_platform_by_a_separate_route_is_a_gap():
    routes = [invite("any"), invite("detractor", via="other")]
    assert find_review_gating(routes, {"reviews": STRICT, "other": FREE}) == [
        ReviewGating("reviews", tuple(range(7)), (0,), None, never=False)
    ]


@given(st.integers(1, 9), st.integers(1, 9))
def test_platforms_that_share_all_responses_by_weight_have_no_gap(weight, other_weight):
    routes = [invite("any", weight=weight), invite("any", via="other", weight=other_weight)]
    assert find_review_gating(routes, {"reviews": STRICT, "other": STRICT}) == []


segments = st.lists(st.sampled_from(SEGMENTS), min_size=1, unique=True)


@given(st.lists(segments, max_size=4))
def test_there_is_a_gap_unless_nobody_or_everybody_is_asked(route_segments):
    gaps = find_review_gating([invite(on) for on in route_segments], {"reviews": STRICT})
    covered = {segment for on in route_segments for segment in on}
    assert bool(gaps) == (0 < len(covered) < 3)
    assert {segment for gap in gaps for segment in gap.missing}.isdisjoint(covered)


platforms = st.lists(st.sampled_from("abcdef"), unique=True)


@given(platforms, st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 5)), platforms, st.text())
def test_only_unused_platforms_are_chosen_always_the_same_for_one_contact(names, weights, used, contact):
    unused = [name for name in names if name not in used]
    candidates = [name for name in unused if weights.get(name, 1)]
    chosen = choose_platform(unused, weights, contact)
    assert (chosen in candidates) if candidates else chosen is None
    assert choose_platform(unused[::-1], weights, contact) == chosen


@given(platforms.filter(bool), st.text())
def test_a_contact_is_asked_for_all_platforms_one_after_another(names, contact):
    used, unused = [], list(names)
    while (chosen := choose_platform(unused, {}, contact)) is not None:
        used.append(chosen)
        unused.remove(chosen)
    assert sorted(used) == sorted(names)


@given(platforms, st.text())
def test_a_new_platform_moves_nobody_between_the_old_ones(names, contact):
    before = choose_platform(names, {}, contact)
    assert choose_platform([*names, "new"], {}, contact) in {before, "new"}


def test_shares_follow_the_weights():
    chosen = [choose_platform(["one", "three"], {"three": 3}, f"crm:{n}") for n in range(4_000)]
    assert 2_850 < chosen.count("three") < 3_150
