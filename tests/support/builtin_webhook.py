"""Connections and requests of the built-in plugin `webhook`."""

from datetime import UTC, datetime

from nps_connect.builtin.webhook.settings import WebhookSettings
from nps_connect.connection import Connection
from nps_connect.records.events import WebhookRequest

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BEARER = {"scheme": "bearer", "secrets": ["sentinel-token"]}
ORDER = {"kind": "order.paid", "object_id": "id", "person": {"email": "email"}}


def build_connection(*mappings, signature=BEARER, **incoming):
    table = {"signature": signature, "mappings": list(mappings) or [ORDER], **incoming}
    settings = WebhookSettings.model_validate({"plugin": "webhook", "events": "webhook", "incoming": table})
    return Connection(name="shop", settings=settings)


def build_request(body, headers=None, *, at=NOW):
    headers = {name.lower(): value for name, value in (headers or {}).items()}
    url = "https://nps.example.com/hooks/shop"
    return WebhookRequest(method="POST", url=url, headers=headers, body=body, received_at=at)
