from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nps_connect.sandbox.population import PERSONAS, build_population

SIZES = st.integers(min_value=1, max_value=200)


@given(SIZES, st.integers())
def test_the_same_seed_gives_the_same_people(size, seed):
    assert build_population(size, seed) == build_population(size, seed)


@given(SIZES, st.integers())
def test_every_customer_has_a_unique_invented_name_and_address(size, seed):
    people = build_population(size, seed)
    assert len({customer.email for customer in people}) == size
    assert len({customer.person.name for customer in people}) == size
    assert all(customer.email.endswith("@example.com") for customer in people)
    assert all(customer.person.opted_out == (customer.persona.opted_out == "before") for customer in people)


@given(st.integers())
def test_one_round_of_personas_covers_every_behaviour_segment_and_trait(seed):
    people = build_population(len(PERSONAS), seed)
    assert {customer.segment for customer in people} == {"promoter", "passive", "detractor", None}
    assert {customer.persona.behaviour for customer in people} == {
        "press",
        "press_then_comment",
        "send",
        "look",
        "ignore",
    }
    assert {customer.persona.opted_out for customer in people} == {None, "before", "during"}
    for trait in ("webhook_resent", "double_submits", "scanned", "has_two_events"):
        assert any(getattr(customer.persona, trait) for customer in people)
    assert any(customer.persona.scanned and customer.segment is None for customer in people)


def test_both_languages_occur():
    assert {customer.person.language for customer in build_population(60, 0)} == {"fr", "en"}


@given(st.integers())
def test_customers_who_opted_out_have_no_segment_and_those_without_score_no_comment(seed):
    for customer in build_population(48, seed):
        if customer.persona.opted_out or customer.persona.score is None:
            assert customer.segment is None
        if customer.persona.score is None or customer.persona.behaviour == "press":
            assert customer.comment is None
