"""Drafted expectations: TOML that says what the configuration does now."""

from __future__ import annotations

import tomllib

import pytest

from nps_connect.rules.expectation_drafts import draft_expectations
from nps_connect.rules.filters import compile_filter
from nps_connect.settings.expectations import Expectation
from nps_connect.settings.model import Settings

TABLE = {
    "core": {
        "public_url": "https://nps.example.com",
        "company": "Exemple SA",
        "signing_keys": ["a-signing-key-for-tests"],
        "fallback_email": "care@example.com",
        "privacy_notice_url": "https://www.example.com/privacy",
    },
    "surveys": {"after-purchase": {"channel": "mail"}},
    "routes": [
        {"on": "any", "do": "write_score", "via": "crm"},
        {"on": "detractor", "do": "send_alert", "via": "team"},
    ],
}


def draft(where):
    trigger = {"on": "deal.won", "from": "crm", "survey": "after-purchase", **({"where": where} if where else {})}
    settings = Settings.model_validate({**TABLE, "triggers": [trigger]})
    label = settings.triggers[0].label
    filters = {label: compile_filter(where, {"amount": "number"}, open_fields=True)} if where else {}
    return [
        Expectation.model_validate(table) for table in tomllib.loads(draft_expectations(settings, filters))["expect"]
    ]


def test_an_event_that_fires_and_one_that_does_not_are_drafted():
    fires, is_refused, *_ = draft('amount >= 100 and kind == "web"')
    assert (fires.survey, fires.fields) == ("after-purchase", {"amount": 100, "kind": "web"})
    assert is_refused.survey == "none"
    assert is_refused.fields["amount"] < 100 or is_refused.fields.get("kind") != "web"


def test_a_response_of_each_segment_is_drafted():
    responses = [expectation for expectation in draft(None) if expectation.on is None]
    assert [(response.score, response.actions) for response in responses] == [
        (3, ("write_score via crm", "send_alert via team")),
        (8, ("write_score via crm",)),
        (10, ("write_score via crm",)),
    ]


@pytest.mark.parametrize("where", ["history.answers >= 1", "amount >= 100 and amount < 50"])
def test_what_no_new_person_does_is_not_drafted_as_a_survey(where):
    assert all(expectation.survey == "none" or expectation.on is None for expectation in draft(where))
