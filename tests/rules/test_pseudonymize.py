"""What identifies a person is masked in texts; dates, scores and other words stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rules.pseudonymize import mask_personal_data


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to marie@example.com, please", "write to [address], please"),
        ("<Marie.Martin+shop@example.com>", "<[address]>"),
        ("call +33 6 12 34 56 78 now", "call [number] now"),
        ("06.12.34.56.78", "[number]"),
        ("(0033) 612-345-678", "[number]"),
        ("I am MARTIN, Marie; marieclaire is a paper", "I am [name], [name]; marieclaire is a paper"),
        ("surveyed on 2026-03-02, next after 90 days", "surveyed on 2026-03-02, next after 90 days"),
        ("9/10, order 1001", "9/10, order 1001"),
        ("Jo was nice", "Jo was nice"),
    ],
)
def test_addresses_long_numbers_and_names_are_masked(text, masked):
    assert mask_personal_data(text, ["Marie Martin", "Jo"]) == masked


@given(st.text(), st.emails(), st.text())
def test_no_address_is_left_between_other_words(before, address, after):
    assert address not in mask_personal_data(f"{before} {address} {after}")
