"""The page for admins is complete: its files to paste, its settings, its scopes."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from nps_connect_hubspot.connector import nps_connector
from nps_connect_hubspot.contact_properties import PROPERTY_DEFINITIONS
from nps_connect_hubspot.event_kinds import EVENT_KINDS
from nps_connect_hubspot.settings import HubSpotSettings
from nps_connect_hubspot.webhook_subscriptions import required_subscriptions

PAGE = Path(__file__).parents[3] / "docs" / "hubspot.md"


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


def blocks(page, language):
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", page, re.MULTILINE | re.DOTALL)


def test_the_webhooks_to_paste_are_the_required_ones(page):
    app, webhooks = (json.loads(block) for block in blocks(page, "json"))
    subscriptions = webhooks["config"]["subscriptions"]
    documented = {
        "/".join(filter(None, (entry["subscriptionType"], entry.get("propertyName"))))
        for entries in subscriptions.values()
        for entry in entries
        if entry["active"]
    }
    defaults = HubSpotSettings.model_validate({"plugin": "hubspot", "access_token": "pat-na1-x"})
    assert documented == set(required_subscriptions(defaults))
    assert "crm.objects.contacts.write" in app["config"]["auth"]["requiredScopes"]


def test_the_tables_to_paste_are_valid(page):
    for block in blocks(page, "toml"):
        table = tomllib.loads(re.sub(r"^ {4}", "", block, flags=re.MULTILINE))["connections"]["crm"]
        table["access_token"] = "pat-na1-x"
        if "webhook_secrets" in table:
            table["webhook_secrets"] = ["client-secret"]
        HubSpotSettings.model_validate(table)


def test_every_setting_event_and_property_is_documented(page):
    names = {name for name in nps_connector().settings.model_fields if name != "plugin"}
    names |= {kind.name for kind in EVENT_KINDS} | {f"nps_{definition.suffix}" for definition in PROPERTY_DEFINITIONS}
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []
