"""``[cases]``: mistakes in the owners are named with their place."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from nps_connect.settings.cases import Cases


@pytest.mark.parametrize(
    ("table", "place", "text"),
    [
        ({"owner_field": "owner", "owners": {"17": "anna"}}, ("owners", "17"), "not an e-mail address"),
        ({"owner_field": "owner", "owners": {"17": "an na@example.com"}}, ("owners", "17"), "not an e-mail address"),
        ({"team_email": "@example.com"}, ("team_email",), "not an e-mail address"),
        ({"owners": {"17": "anna@example.com"}}, (), "owners has no effect without owner_field"),
    ],
)
def test_a_mistake_is_named_with_its_place(table, place, text):
    with pytest.raises(ValidationError) as invalid:
        Cases.model_validate(table)
    [error] = invalid.value.errors()
    assert error["loc"] == place
    assert text in error["msg"]


def test_addresses_are_stripped():
    cases = Cases.model_validate({"owner_field": "owner", "owners": {"17": " anna@example.com "}})
    assert cases.owners == {"17": "anna@example.com"}
