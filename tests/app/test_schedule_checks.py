"""Mistakes of recurring surveys: each is one sentence with its key and what to do."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError
from support.application import CONFIGURATION, merge_config
from support.fake_vendors import FakeAlertChannel, FakeCrm, FakeHelpdesk, FakeMailChannel, FakeReviewPlatform

from nps_connect.app.validation import validate
from nps_connect.errors import ConfigErrors
from nps_connect.plugins import Plugins
from nps_connect.settings.model import Settings

SURVEY = {"channel": "mail", "every": "6 months", "population": {"from": "crm"}}


def mistakes(survey, **change) -> list[str]:
    registry = Plugins()
    vendors = {"acme": FakeCrm, "post": FakeMailChannel, "desk": FakeHelpdesk, "bell": FakeAlertChannel}
    for name, vendor in {**vendors, "stars": FakeReviewPlatform}.items():
        registry.register(vendor(), name)
    merged = merge_config(CONFIGURATION, {"surveys": {"relationship": survey}, **change})
    try:
        validate(Settings.model_validate(merged), registry)
    except ConfigErrors as errors:
        return [str(error) for error in errors.errors]
    return []


def test_recurring_survey_is_valid():
    assert mistakes(SURVEY) == []
    assert mistakes({**SURVEY, "population": {"from": "crm", "where": 'stage == "customer"'}}) == []
    assert mistakes({**SURVEY, "population": {"from": "mail"}}) == [], "imported without a CRM"


def test_example_of_the_page_is_valid():
    page = (Path(__file__).parents[2] / "docs" / "recurring.md").read_text(encoding="utf-8")
    example = tomllib.loads(re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1])
    assert mistakes(example["surveys"]["relationship"]) == []


@pytest.mark.parametrize(
    ("survey", "change", "sentence"),
    [
        (
            {**SURVEY, "every": "2 months"},
            {},
            'surveys.relationship.every: 2 months is shorter than limits.cooldown (90d); set it to "90d" or longer',
        ),
        (
            {**SURVEY, "population": {"from": "crmm"}},
            {},
            "surveys.relationship.population.from: there is no connection 'crmm'; allowed: crm, mail; did you mean",
        ),
        (
            {**SURVEY, "population": {"from": "team"}},
            {},
            "surveys.relationship.population.from: connection 'team' has no contacts: it neither receives events nor",
        ),
        (
            {**SURVEY, "population": {"from": "crm", "where": "contact.langue == 'fr'"}},
            {},
            "surveys.relationship.population.where: column 1: unknown field 'contact.langue', did you mean",
        ),
        (
            {**SURVEY, "population": {"from": "crm", "where": "history.answers > 1"}},
            {},
            "surveys.relationship.population.where: 'history.answers' cannot be used here",
        ),
        (
            SURVEY,
            {"triggers": [{"on": "schedule.due", "from": "crm", "survey": "relationship"}]},
            "triggers.1.on: 'schedule.due' leads to the survey whose schedule makes it, without a trigger; remove",
        ),
        (
            SURVEY,
            {
                "triggers": [
                    {"on": "deal.won", "from": "crm", "survey": "relationship", "name": "schedule:relationship"}
                ]
            },
            "triggers.1.name: 'schedule:relationship' is the name of the trigger that surveys.relationship.every",
        ),
    ],
)
def test_mistake_names_the_key_and_the_fix(survey, change, sentence):
    assert [mistake for mistake in mistakes(survey, **change) if sentence in mistake], mistakes(survey, **change)


@pytest.mark.parametrize(
    ("survey", "sentence"),
    [
        ({"channel": "mail", "every": "6 months"}, "every needs people to ask: add a population"),
        ({"channel": "mail", "population": {"from": "crm"}}, "population has no effect without every"),
        ({"channel": "mail", "first_after": "30d"}, "first_after has no effect without every"),
        ({**SURVEY, "every": "half a year"}, "not an interval: write a number of months, weeks or days"),
    ],
)
def test_incomplete_table_is_refused(survey, sentence):
    with pytest.raises(ValidationError, match=sentence):
        Settings.model_validate(merge_config(CONFIGURATION, {"surveys": {"relationship": survey}}))
