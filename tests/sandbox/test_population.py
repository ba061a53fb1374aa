from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nps_connect.sandbox.population import PERSONAS, build_population

sizes = st.integers(min_value=1, max_value=200)


@given(sizes, st.integers())
def test_the_same_seed_gives_the_same_people(size, seed):
    assert build_population(size, seed) == build_population(size, seed)


@given(sizes, st.integers())
def test_everybody_is_invented_and_somebody_else(size, seed):
    people = build_population(size, seed)
    assert len({one.email for one in people}) == size
    assert len({one.person.name for one in people}) == size
    assert all(one.email.endswith("@example.com") for one in people)
    assert all(one.person.opted_out == (one.persona.opted_out == "before") for one in people)


@given(st.integers())
def test_one_cast_is_as_varied_as_the_walk_needs(seed):
    people = build_population(len(PERSONAS), seed)
    assert {one.segment for one in people} == {"promoter", "passive", "detractor", None}
    assert {one.persona.behaviour for one in people} == {"press", "press_then_comment", "send", "look", "ignore"}
    assert {one.persona.opted_out for one in people} == {None, "before", "during"}
    for trait in ("webhook_resent", "presses_twice", "scanned", "twice_eligible"):
        assert any(getattr(one.persona, trait) for one in people)
    assert any(one.persona.scanned and one.segment is None for one in people)


def test_both_languages_are_spoken():
    assert {one.person.language for one in build_population(60, 0)} == {"fr", "en"}


@given(st.integers())
def test_who_opted_out_has_no_segment_and_who_only_looks_has_no_comment(seed):
    for one in build_population(48, seed):
        if one.persona.opted_out or one.persona.score is None:
            assert one.segment is None
        if one.persona.score is None or one.persona.behaviour == "press":
            assert one.comment is None
