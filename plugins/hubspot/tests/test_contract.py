"""HubSpot passes the contract, with a webhook of known signature."""

from __future__ import annotations

from datetime import UTC, datetime

import nps_connect_hubspot
from nps_connect import VendorWebhook
from nps_connect.testing import ConnectorContract, GoldenWebhook
from nps_connect.testing.effect_checks import EffectChecks
from nps_connect_hubspot.simulated import Simulated
from nps_connect_hubspot.simulated.vendor import SECRET, TOKEN
from nps_connect_hubspot.webhooks import signature_v3

BODY = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
    b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW",'
    b'"appId":54321}]'
)
URL = "https://nps.example.com/hooks/crm"


class TestHubSpot(ConnectorContract):
    plugin = nps_connect_hubspot
    settings = {  # noqa: RUF012
        "access_token": TOKEN,
        "webhook_secrets": [SECRET],
        "notes": True,
        "tasks": True,
        "opt_out_subscription": 77,
    }
    vendor = Simulated
    max_requests = 12
    golden = (
        GoldenWebhook(
            VendorWebhook(
                "POST",
                {
                    "content-type": "application/json",
                    "x-hubspot-signature-v3": signature_v3(SECRET, "POST", URL, BODY, "1693657560000"),
                    "x-hubspot-request-timestamp": "1693657560000",
                },
                BODY,
            ),
            datetime.fromtimestamp(1_693_657_560, UTC),
            URL,
        ),
    )


class TestHubSpotOlderApiVersion(EffectChecks):
    plugin = nps_connect_hubspot
    settings = {  # noqa: RUF012
        "access_token": TOKEN,
        "webhook_secrets": [SECRET],
        "api_version": "2026-03",
        "opt_out_subscription": 77,
    }
    vendor = Simulated
