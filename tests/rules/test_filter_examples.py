"""Values that filters accept: found by trying those that decide the comparisons."""

from __future__ import annotations

import pytest

from nps_connect.rules import filter_examples
from nps_connect.rules.filter_examples import TooManyCombinations, find_field_values
from nps_connect.rules.filters import compile_filter

FIELDS = {"amount": "number", "stage": "text", "vip": "boolean", "at": "moment"}

ACCEPTED = [
    "amount >= 100",
    "amount > 100 and amount < 102",
    "not amount >= 100",
    'stage == "won" and amount != 5',
    'stage != "won"',
    'stage in ["won", "closed"] or vip',
    'not (stage in ["won", "closed"])',
    'vip == false and "ab" in stage',
    'at > d"2026-01-31T09:00:00Z"',
    "stage == null and amount != null",
    "first < second",
    'contact.language == "fr" and history.answers == 0',
]


def compiled(text):
    return compile_filter(text, FIELDS, open_fields=True)


@pytest.mark.parametrize("text", ACCEPTED)
def test_values_are_found_that_a_filter_accepts(text):
    values = find_field_values(compiled(text))
    assert values is not None
    assert compiled(text).matches(values)


@pytest.mark.parametrize("text", ["amount >= 100 and amount < 50", 'stage == "a" and stage == "b"'])
def test_a_contradiction_has_no_values(text):
    assert find_field_values(compiled(text)) is None


def test_values_named_by_the_filter_are_preferred():
    assert find_field_values(compiled('amount >= 100 and stage == "won"')) == {"amount": 100, "stage": "won"}


def test_fields_with_choices_have_no_other_values():
    choices = {"stage": ("open", "closedwon")}
    assert find_field_values(compiled('stage == "won"'), choices=choices) is None
    assert find_field_values(compiled('stage != "open"'), choices=choices) == {"stage": "closedwon"}


def test_unwanted_filters_refuse_the_values():
    values = find_field_values(compiled("amount < 500"), refusing=[compiled("amount >= 100")])
    assert values == {"amount": 99}
    assert find_field_values(None, refusing=[compiled("amount >= 100")]) == {"amount": 99}
    assert find_field_values(compiled("amount >= 500"), refusing=[compiled("amount >= 100")]) is None


def test_a_field_that_only_unwanted_filters_name_is_left_open_if_possible():
    other = compiled('stage == "won" and amount >= 100')
    assert find_field_values(compiled("amount >= 10"), refusing=[other]) == {"amount": 10}
    assert find_field_values(None, refusing=[other]) == {"amount": 99}
    assert find_field_values(compiled("amount >= 200"), refusing=[other]) == {"amount": 200, "stage": "won other"}


def test_what_cannot_be_tried_is_no_contradiction(monkeypatch):
    monkeypatch.setattr(filter_examples, "MAX_COMBINATIONS", 3)
    with pytest.raises(TooManyCombinations, match="more than 3"):
        find_field_values(compiled('amount == 1 and amount == 2 and stage == "a"'))
