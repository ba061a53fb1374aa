"""``[[expect]]``: what it may hold."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from nps_connect.settings.expectations import Expectation

EVENT = {"on": "deal.won", "from": "crm"}


@pytest.mark.parametrize(
    "table",
    [
        {**EVENT, "survey": "none"},
        {**EVENT, "fields": {"amount": 20}, "survey": "after-purchase"},
        {**EVENT, "survey": "after-purchase", "score": 9, "actions": []},
        {"survey": "after-purchase", "score": 3, "actions": ["open_ticket via helpdesk"]},
    ],
)
def test_an_expectation_is_about_an_event_a_response_or_both(table):
    assert Expectation.model_validate(table).label


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"on": "deal.won", "survey": "none"}, "on and from belong together"),
        ({"survey": "after-purchase"}, "names neither an event"),
        ({**EVENT, "survey": "after-purchase", "score": 3}, "score and actions belong together"),
        ({**EVENT, "survey": "none", "score": 3, "actions": []}, "has no response"),
        ({"survey": "a", "score": 3, "actions": ["send_fax via crm"]}, "pattern"),
    ],
)
def test_a_half_expectation_is_refused(table, problem):
    with pytest.raises(ValidationError, match=problem):
        Expectation.model_validate(table)


def test_the_label_names_event_fields_and_response():
    table = {**EVENT, "fields": {"amount": 20}, "survey": "after-purchase", "score": 3, "actions": []}
    label = "deal.won from crm (amount = 20), then a response of 3 to after-purchase"
    assert Expectation.model_validate(table).label == label
