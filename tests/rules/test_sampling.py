"""Samples are stable, fair, and grow without dropping anybody."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.sampling import in_sample, stable_hash

percents = st.floats(0, 100)


@given(st.text(), st.text())
def test_everybody_is_in_a_hundred_per_cent_and_nobody_in_none(trigger, contact):
    assert in_sample(trigger, contact, 100)
    assert not in_sample(trigger, contact, 0)


@given(st.text(), st.text(), percents, percents)
def test_raising_the_percentage_only_adds_people(trigger, contact, one, other):
    low, high = sorted((one, other))
    assert in_sample(trigger, contact, low) <= in_sample(trigger, contact, high)


def test_the_same_person_gets_the_same_answer_in_every_process():
    assert [in_sample("crm:deal.won:after-purchase", f"crm:{n}", 50) for n in range(8)] == [
        stable_hash("crm:deal.won:after-purchase", f"crm:{n}") < 2**63 for n in range(8)
    ]
    assert stable_hash("a", "b") == 3842928072485716121


def test_the_share_is_about_right_and_triggers_draw_independently():
    one = {n for n in range(10_000) if in_sample("one", str(n), 25)}
    other = {n for n in range(10_000) if in_sample("other", str(n), 25)}
    assert 2_300 < len(one) < 2_700
    assert 500 < len(one & other) < 750


@given(st.text(), st.text(), st.text())
def test_parts_of_a_point_do_not_run_into_each_other(a, b, c):
    assert stable_hash(a + b, c) != stable_hash(a, b + c) or not b
