"""Settings: mistakes are rejected, the example is valid."""

from __future__ import annotations

import tomllib

import pytest
from pydantic import ValidationError

from nps_connect_hubspot.connector import nps_connector
from nps_connect_hubspot.paths import PATHS
from nps_connect_hubspot.settings import HubSpotSettings


def settings(**more):
    return HubSpotSettings.model_validate({"plugin": "hubspot", "access_token": "pat-na1-x", **more})


@pytest.mark.parametrize(
    "wrong",
    [
        {"access_token": ""},
        {"access_token": "pat\nInjected: 1"},
        {"access_token": "pat-é"},
        {"api_version": "v3"},
        {"webhook_secrets": [""]},
        {"events": "webhook"},
        {"signatures": []},
        {"signatures": ["v4"]},
        {"portal_id": 0},
        {"portal_timezone": "Paris"},
        {"won_stages": []},
        {"won_stages": ["Closed won"]},
        {"listen_to": ["companies"]},
        {"property_prefix": "NPS_"},
        {"opt_out_subscription": 0},
        {"opt_out_subscription": "some"},
        {"quota_share": 0},
        {"quota_share": 1.5},
        {"calls_per_ten_seconds": 0},
        {"acces_token": "x"},
    ],
)
def test_mistakes_are_rejected(wrong):
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_the_base_url_is_hubspots_by_default():
    info = nps_connector()
    assert info.base_url(settings()) == "https://api.hubapi.com"
    assert info.base_url(settings(base_url="http://127.0.0.1:8041/hubspot/")) == "http://127.0.0.1:8041/hubspot"


def test_a_share_of_the_quota_is_configurable():
    info = nps_connector()
    general, search = info.quotas_for(settings(calls_per_ten_seconds=190, quota_share=0.5))
    assert (general.calls, general.seconds, general.share) == (190, 10, 0.5)
    assert (search.calls, search.seconds, search.share) == (4, 1, 0.5)
    assert [quota.name for quota in info.quotas] == [general.name, search.name]


def test_each_version_has_its_own_prefixes():
    old, new = PATHS["2026-03"], PATHS["2026-09"]
    assert old.subscriptions(7) == "/webhooks/2026-03/7/subscriptions"
    assert new.subscriptions(7) == "/app-webhooks/2026-09/7/subscriptions"
    assert old.batch("contacts", "read") == "/crm/objects/2026-03/contacts/batch/read"
    assert new.statuses("a+b@example.com") == "/communication-preferences/2026-09/statuses/a%2Bb%40example.com"


def test_the_example_sends_a_survey_after_a_purchase():
    example = nps_connector().example
    config = tomllib.loads(f"{example.table}\n{example.triggers}\n{example.routes}")
    assert config["triggers"] == [
        {"on": "deal.won", "from": "crm", "survey": "after-purchase", "delay": "3d", "where": "amount >= 100"}
    ]
    assert config["routes"] == [{"on": "any", "do": "write_score", "via": "crm"}]
    assert config["connections"]["crm"]["access_token"] == {"env": "HUBSPOT_TOKEN"}
    assert config["connections"]["crm"]["events"] == "poll"
