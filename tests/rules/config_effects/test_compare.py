"""`compare_configs`: what a change of the configuration changes, in sentences; nothing for what has no effect."""

from datetime import UTC, datetime, timedelta

import pytest
from support.application import CONFIGURATION, merge_config

from nps_connect.rules.config_effects.compare import ComparedConfig, compare_configs
from nps_connect.rules.filters import compile_filter
from nps_connect.settings.effective import ConcealedSecret, effective_tree
from nps_connect.settings.model import Settings

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
GRACE_PERIODS = {"open_ticket": timedelta(minutes=10)}
WON = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "delay": "3d"}
ROUTES = CONFIGURATION["routes"]
BASE = merge_config(
    CONFIGURATION,
    {
        "surveys": {"onboarding": {"channel": "mail", "touchpoint": "start"}},
        "triggers": [{**WON, "where": 'amount >= 100 and stage == "won"'}],
    },
)


def compared(table):
    settings = Settings.model_validate(table)
    filters = {
        trigger.label: compile_filter(trigger.where, {"amount": "number"}, open_fields=True)
        for trigger in settings.triggers
        if trigger.where
    }
    return ComparedConfig(settings, filters, effective_tree(settings, {}, ConcealedSecret))


def effects(change, base=BASE):
    new = merge_config(base, change)
    compare = lambda old, new: compare_configs(compared(old), compared(new), grace_periods=GRACE_PERIODS, now=NOW)  # noqa: E731
    return [effect.text for effect in compare(base, new)]


def with_trigger(**changes):
    return {"triggers": [{**BASE["triggers"][0], **changes}]}


def route(number, **changes):
    routes = [dict(route) for route in ROUTES]
    routes[number].update(changes)
    return {"routes": routes}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"routes": list(reversed(ROUTES))},
        route(1, delay="120m"),
        route(0, on=["detractor", "promoter", "passive"], surveys=["after-purchase", "onboarding"]),
        route(3, delay="10m"),  # the default of the action
        {"routes": [*ROUTES, {"on": "detractor", "do": "open_ticket", "via": "helpdesk", "scores": [1]}]},  # never used
        with_trigger(delay="72h"),
        with_trigger(where='stage == "won" and not (amount < 100)'),
        {"limits": {"cooldown": "2160h"}},
        {"core": {"workers": 4}},
    ],
)
def test_what_has_no_effect_prints_nothing(change):
    assert effects(change) == []


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        ({"routes": ROUTES[:3] + ROUTES[4:]}, ["detractors no longer open a ticket in helpdesk"]),
        (route(3, surveys=["onboarding"]), ["detractors of after-purchase no longer open a ticket in helpdesk"]),
        (route(3, scores=[0, 1, 2]), ["customers with score 3, 4, 5 and 6 no longer open a ticket in helpdesk"]),
        (route(3, languages=["en"]), ["detractors in fr no longer open a ticket in helpdesk"]),
        (route(3, via="other"), ["detractors now open a ticket in other instead of helpdesk"]),
        (route(3, on=["passive", "detractor"]), ["passives now open a ticket in helpdesk after 10m"]),
        (route(1, delay="4h"), ["promoters are invited to a review on stars after 4h instead of 2h"]),
        (route(1, weight=0), ["promoters are no longer invited to a review on stars"]),
        (
            {"routes": [*ROUTES, {"on": "promoter", "do": "invite_review", "via": "places", "weight": 3}]},
            [
                "promoters are now invited to a review on places in 75% of the cases",
                "promoters are invited to a review on stars in 25% instead of 100% of the cases",
            ],
        ),
        (route(0, comment="none"), ['customers have their score written to crm with comment "none" instead of "full"']),
        (route(2, lead="review"), ['passives and detractors are invited to a review on stars with lead "review" instead of "help"']),
    ],
)  # fmt: skip
def test_effects_of_routes(change, sentences):
    assert effects(change) == sentences


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        ({"triggers": []}, ["deal.won of crm no longer leads to after-purchase"]),
        (with_trigger(survey="onboarding"), ["deal.won of crm leads to onboarding instead of after-purchase"]),
        (with_trigger(delay="4d"), ["after-purchase after deal.won of crm is sent after 4d instead of 3d"]),
        (
            with_trigger(delay="next tuesday 10:00"),
            ["after-purchase after deal.won of crm is sent after next tuesday 10:00 instead of 3d"],
        ),
        (with_trigger(sample=10), ["after-purchase after deal.won of crm goes to 10 % of the contacts instead of 100 %"]),
        (with_trigger(language="en"), ["after-purchase after deal.won of crm is in en instead of the contact language"]),
        (
            with_trigger(where='amount >= 200 and stage == "won"'),
            ["deal.won of crm no longer leads to after-purchase, for example with amount = 100 and stage = 'won'"],
        ),
        (
            with_trigger(where="amount >= 100"),
            ["deal.won of crm now leads to after-purchase 3d later, for example with amount = 100 and stage = 'another value'"],
        ),
        (
            with_trigger(where='amount > 100 and stage == "won"'),
            ["deal.won of crm no longer leads to after-purchase, for example with amount = 100 and stage = 'won'"],
        ),
        (
            with_trigger(where='amount >= 100 and stage == "won" and contact.language == "fr"'),
            [
                "deal.won of crm no longer leads to after-purchase, for example with amount = 100, contact.language = 'won' and stage = 'won'"
            ],
        ),
        (
            with_trigger(where='amount >= 100 and stage == "won" and history.last_score < 7'),
            [
                "deal.won of crm no longer leads to after-purchase, for example with amount = 100, history.last_score = 7 and stage = 'won'"
            ],
        ),
        (
            {"triggers": [*BASE["triggers"], {**WON, "on": "deal.lost", "sample": 50}]},
            ["deal.lost of crm now leads to after-purchase 3d later, for 50 % of the contacts"],
        ),
        (
            with_trigger(active_until="2026-06-01"),
            ["deal.won of crm no longer leads to after-purchase, for example on 2026-06-02, with amount = 100 and stage = 'won'"],
        ),
        (
            {"triggers": [*BASE["triggers"], {**WON, "survey": "onboarding", "priority": 1, "where": "amount >= 500"}]},
            ["deal.won of crm leads to onboarding instead of after-purchase, for example with amount = 500 and stage = 'won'",
             "deal.won of crm now leads to onboarding 3d later, for example with amount = 500 and stage = 'another value'"],
        ),
    ],
)  # fmt: skip
def test_effects_of_triggers(change, sentences):
    assert effects(change) == sentences


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        ({"core": {"mode": "shadow"}}, ["nothing is sent any more: decisions are only recorded (mode shadow)"]),
        ({"limits": {"cooldown": "60d"}}, ["a contact gets at most one survey in 60d instead of 90d"]),
        (
            {"limits": {"quiet_hours": "21:00-07:00"}},
            ["no invitation or reminder is sent at 21:00-07:00 instead of off"],
        ),
        (
            {"surveys": {"onboarding": {"expires_after": "30d"}}},
            ["survey onboarding: expires_after is 30d instead of 60d"],
        ),
        ({"core": {"signing_keys": ["another-signing-key"]}}, ["core.signing_keys is another secret"]),
        ({"core": {"workers": 8}}, ["core.workers is 8 instead of 4"]),
        ({"retention": {"comments": "365d"}}, ["retention.comments is 365d instead of 731d"]),
    ],
)
def test_effects_of_values(change, sentences):
    assert effects(change) == sentences


def test_a_new_survey_comes_with_what_its_responses_lead_to():
    old = {**BASE, "surveys": CONFIGURATION["surveys"]}
    assert [effect.text for effect in compare_configs(compared(old), compared(BASE), grace_periods={}, now=NOW)] == [
        "survey onboarding is new",
        "customers of onboarding now have their score written to crm",
        "promoters of onboarding are now invited to a review on stars after 2h",
        "passives and detractors of onboarding are now invited to a review on stars after 3d in a mail that leads with help",
        "detractors of onboarding now open a ticket in helpdesk",
        "detractors of onboarding now alert staff via team",
    ]


def test_no_secret_is_shown():
    key = "a-very-secret-signing-key"
    assert key not in " ".join(effects({"core": {"signing_keys": [key], "metrics_token": key}}))


RECURRING = {"channel": "mail", "every": "6 months", "population": {"from": "crm"}}


def test_effects_of_recurring_surveys_say_who_is_asked_and_what_happens_to_people_asked_before():
    base = merge_config(BASE, {"surveys": {"relationship": RECURRING}})
    new, asked_every, *_routes = effects({"surveys": {"relationship": RECURRING}})
    assert new == "survey relationship is new"
    assert asked_every == "relationship asks the contacts of crm every 6 months, after an operator has released it"
    [longer] = effects({"surveys": {"relationship": {**RECURRING, "every": "1 year"}}}, base)
    assert longer.startswith("relationship asks every 12 months instead of every 6 months: new slots, those that have")
    assert longer.endswith("passed are spread over the rest of the period, nobody within 183 days of the last")
    filtered = {**RECURRING, "population": {"from": "crm", "where": "seats > 5"}}
    [narrower] = effects({"surveys": {"relationship": filtered}}, base)
    assert narrower.startswith("relationship asks the contacts of crm with seats > 5 instead of the contacts of crm; ")
    assert narrower.endswith("more than twice as many people are held until an operator releases them")
    moved = {**RECURRING, "population": {"from": "helpdesk"}}
    assert effects({"surveys": {"relationship": moved}}, base) == [
        "relationship asks the contacts of helpdesk instead of the contacts of crm, after an operator has released it"
    ]
    assert effects({"surveys": {"relationship": {**RECURRING, "every": "6 Months"}}}, base) == []
