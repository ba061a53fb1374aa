"""Samples are stable, uniform and independent of each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.sampling import in_sample, stable_hash

percents = st.floats(0, 100)


@given(st.text(), st.text())
def test_a_hundred_percent_includes_everybody_and_zero_nobody(trigger, contact):
    assert in_sample(trigger, contact, 100)
    assert not in_sample(trigger, contact, 0)


@given(st.text(), st.text(), percents, percents)
def test_raising_the_percentage_only_adds_contacts(trigger, contact, first, second):
    low, high = sorted((first, second))
    assert in_sample(trigger, contact, low) <= in_sample(trigger, contact, high)


def test_the_hash_is_the_same_in_every_process():
    assert [in_sample("crm:deal.won:after-purchase", f"crm:{n}", 50) for n in range(8)] == [
        stable_hash("crm:deal.won:after-purchase", f"crm:{n}") < 2**63 for n in range(8)
    ]
    assert stable_hash("a", "b") == 3842928072485716121


def test_the_share_is_right_and_triggers_sample_independently():
    first = {n for n in range(10_000) if in_sample("one", str(n), 25)}
    second = {n for n in range(10_000) if in_sample("other", str(n), 25)}
    assert 2_300 < len(first) < 2_700
    assert 500 < len(first & second) < 750


@given(st.text(), st.text(), st.text())
def test_the_hash_separates_its_parts(a, b, c):
    assert stable_hash(a + b, c) != stable_hash(a, b + c) or not b
