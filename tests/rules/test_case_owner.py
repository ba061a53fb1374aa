"""The owner of a contact: its value in the CRM, and its address."""

from __future__ import annotations

import pytest

from nps_connect.rules.case_owner import owner_address, owner_value

OWNERS = {"77001": "anna@example.com"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("77001", "77001"),
        (77001, "77001"),
        (77001.0, "77001"),
        (" 77001 ", "77001"),
        ("", None),
        (" ", None),
        (None, None),
    ],
)
def test_the_owner_is_the_value_of_the_field_as_text(value, expected):
    assert owner_value({"hubspot_owner_id": value}, "hubspot_owner_id") == expected


def test_without_the_setting_or_the_field_there_is_no_owner():
    assert owner_value({"owner": "77001"}, None) is None
    assert owner_value({}, "owner") is None
    assert len(owner_value({"owner": "x" * 500}, "owner")) == 200


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (77001, "anna@example.com"),
        ("77002", None),
        ("zoë@exämple.example.com", "zoë@exämple.example.com"),
        ("not@address", None),
        ("two words@example.com", None),
        (None, None),
    ],
)
def test_the_address_is_the_configured_one_or_the_value_itself(value, expected):
    assert owner_address({"owner": value}, "owner", OWNERS) == expected
