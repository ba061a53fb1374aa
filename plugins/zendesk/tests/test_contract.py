"""Zendesk passes the contract."""

from __future__ import annotations

from types import MappingProxyType

import nps_connect_zendesk
from nps_connect.testing import ConnectorContract
from nps_connect.testing.webhook_checks import WebhookChecks
from nps_connect_zendesk.simulated import Simulated
from nps_connect_zendesk.simulated.access_control import TOKEN
from nps_connect_zendesk.simulated.resource_api import SECRET

SETTINGS = {"subdomain": "exemple", "access_token": TOKEN, "webhook_secret": SECRET}


class TestZendesk(ConnectorContract):
    plugin = nps_connect_zendesk
    settings = SETTINGS
    vendor = Simulated
    max_requests = 12  # the account check reads every kind of object once
    allowed_imports = ("threading",)  # locks: one renewal of a token, one cache of names


class TestZendeskByEvents(WebhookChecks):
    """Webhook mode `events`: event envelopes."""

    plugin = nps_connect_zendesk
    settings = MappingProxyType({**SETTINGS, "events": "webhook", "webhook_mode": "events"})
    vendor = Simulated


class TestZendeskByTriggers(WebhookChecks):
    """Webhook mode `trigger`: bodies of our triggers."""

    plugin = nps_connect_zendesk
    settings = MappingProxyType({**SETTINGS, "events": "webhook"})
    vendor = Simulated
