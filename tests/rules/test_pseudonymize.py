"""What identifies a person is masked in texts; dates, scores and other words stay."""

import re

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
        ("Jo was nice, jo-jo", "[name] was nice, jo-jo"),
    ],
)
def test_addresses_long_numbers_and_names_are_masked(text, masked):
    assert mask_personal_data(text, ["Marie Martin", "Jo"]) == masked


@pytest.mark.parametrize(
    "text",
    [
        "V\u200bero\u00adnique",
        "Ve\u0301ronique",
        "VERONIQUE DUPONT\u2011MARTEL",
        "Mme Dupontmartel",
        "v\u0435ronique",  # a Cyrillic letter
        "veronique\uff20victim\uff0eexample",
        "veronique (at) victim (dot) example",
        "veronique arobase victim point example",
        "veronique @ victim . example",
        "veronique%40victim.example",
        "14 rue des Lilas, 69003 Lyon",
        "\u0660\u0666 \u0661\u0662 \u0663\u0664 \u0665\u0666",
        "dmVyb25pcXVlQHZpY3RpbS5leGFtcGxl",
    ],
)
def test_other_spellings_of_a_person_are_masked(text):
    masked = mask_personal_data(f"Bonjour {text} merci", ["V\u00e9ronique Dupont-Martel"])
    assert re.sub(r"\[(name|address|number|code)\]|[-\u2010, ]|Mme", "", masked) == "Bonjourmerci"


def test_names_are_masked_in_scripts_without_spaces():
    assert mask_personal_data("\u6211\u662f\u674e\u5c0f\u9f99", ["\u674e\u5c0f\u9f99"]) == "\u6211\u662f[name]"


@given(st.text(), st.emails(), st.text())
def test_no_address_is_left_between_other_words(before, address, after):
    assert address not in mask_personal_data(f"{before} {address} {after}")
