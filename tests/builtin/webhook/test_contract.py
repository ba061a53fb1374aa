"""The built-in plugin passes the contract of plugins that receive webhooks."""

from datetime import UTC, datetime
from types import MappingProxyType

from nps_connect import sign_standard_webhook
from nps_connect.builtin import webhook
from nps_connect.simulation import VendorWebhook
from nps_connect.testing.shape_checks import SettingsChecks, ShapeChecks
from nps_connect.testing.webhook_checks import GoldenWebhook, WebhookChecks

SECRET = "c2VudGluZWwtc2VjcmV0LW9mLXRoZS1zaG9wMQ"[:35]
RECEIVED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BODY = b"""{"type": "order.delivered", "timestamp": "2026-03-02T08:59:58Z", "data": {"id": 7001, "total": "49.90",
"customer": {"id": 12, "email": "lea.martin@example.com", "name": "Lea Martin"}}}"""


def signed(body=BODY, secret=SECRET):
    stamp = str(int(RECEIVED_AT.timestamp()))
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": stamp,
        "webhook-signature": sign_standard_webhook(secret, "msg_1", stamp, body),
    }
    return GoldenWebhook(VendorWebhook("POST", headers, body), RECEIVED_AT)


class TestWebhook(ShapeChecks, SettingsChecks, WebhookChecks):
    plugin = webhook
    settings = MappingProxyType(
        {
            "events": "webhook",
            "incoming": {
                "signature": {"scheme": "standard-webhooks", "secrets": [SECRET]},
                "mappings": [
                    {
                        "when": "type == 'order.delivered'",
                        "kind": "order.delivered",
                        "object_id": "data.id",
                        "occurred_at": "timestamp",
                        "person": {"id": "data.customer.id", "email": "data.customer.email"},
                        "fields": {"total": {"expression": "data.total", "type": "number"}},
                    }
                ],
            },
        }
    )
    golden = (signed(),)
    needs_settings = False  # without webhooks, events arrive by the HTTP API
    keeps_unknown_kinds = True
