"""Intake, first half: verify a webhook, store it durably, answer. Nothing is read from it yet."""

from __future__ import annotations

import json
import logging

from nps_connect.errors import WebhookRejected
from nps_connect.flows.context import Context, parse_lane
from nps_connect.ledger.tables import RawRequest
from nps_connect.records.events import WebhookRequest

log = logging.getLogger(__name__)

KEPT_HEADERS = frozenset({"content-type", "user-agent"})
"""Beside the vendor's own ``x-`` headers. Cookies and credentials are never stored."""


def accept_webhook(ctx: Context, connection_name: str, request: WebhookRequest) -> int:
    """Store a believed webhook; durable when this returns. Gives the id of the stored request.

    Raises:
        WebhookRejected: unknown connection (or one that takes no webhooks), bad or stale signature, not JSON.
    """
    connection = ctx.connections.get(connection_name)
    if connection is None or connection.settings.events != "webhook":
        raise WebhookRejected("unknown_connection")
    ctx.plugins.call(ctx.plugin_of(connection_name), "nps_verify_webhook", connection=connection, request=request)
    try:
        json.loads(request.body)
    except (ValueError, RecursionError):
        raise WebhookRejected("unreadable", "signed, but not JSON") from None
    row = RawRequest(
        lane=parse_lane(connection_name),
        due_at=request.received_at,
        connection=connection_name,
        method=request.method,
        url=request.url,
        headers={name: value for name, value in request.headers.items() if _kept(name)},
        body=request.body,
        received_at=request.received_at,
    )
    ctx.ledger.add(row)
    ctx.wake(row.lane)
    log.info("webhook stored connection=%s request=%s bytes=%d", connection_name, row.id, len(request.body))
    return row.id or 0


def _kept(name: str) -> bool:
    return name in KEPT_HEADERS or (name.startswith("x-") and "auth" not in name and "token" not in name)
