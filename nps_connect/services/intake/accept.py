"""Accept webhooks: verify the signature and store the request durably. The body is parsed later."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

from nps_connect.errors import WebhookRejected
from nps_connect.ledger.columns import parse_queue
from nps_connect.ledger.tables import RawRequest
from nps_connect.ledger.upserts import insert_isolated
from nps_connect.records.events import STORED_HEADER, WebhookRequest
from nps_connect.services.context import Context

log = logging.getLogger(__name__)


def accept_webhooks(ctx: Context, requests: Sequence[tuple[str, WebhookRequest]]) -> list[int | Exception]:
    """Store verified webhooks together; they are durable when this returns.

    Args:
        ctx: the joined parts.
        requests: each with the name of its connection.

    Returns:
        For each request the id of the stored row, or the error: `WebhookRejected` for an unknown connection (or one
        that takes no webhooks), an invalid or stale signature, or a body that is not JSON.
    """
    verified: list[dict[str, Any] | Exception] = []
    rows: list[dict[str, Any]] = []
    for connection, request in requests:
        verified.append(_verify_request(ctx, connection, request))
        if isinstance(verified[-1], dict):
            rows.append(verified[-1])
    inserted = iter(insert_isolated(ctx.ledger, RawRequest, rows))
    results: list[int | Exception] = []
    queues = set()
    for row in verified:
        results.append(row if isinstance(row, Exception) else next(inserted))
        if not isinstance(row, Exception) and isinstance(results[-1], int):
            queues.add(row["queue_name"])
            size = len(row["body"])
            log.info("webhook_stored connection=%s request=%s bytes=%d", row["connection"], results[-1], size)
    for queue_name in queues:
        ctx.wake(queue_name)
    return results


def takes_webhooks(ctx: Context, connection_name: str) -> bool:
    """Return whether there is a connection of this name that takes its events from webhooks."""
    connection = ctx.connections.get(connection_name)
    return connection is not None and connection.settings.events == "webhook"


def _verify_request(ctx: Context, connection_name: str, request: WebhookRequest) -> dict[str, Any] | Exception:
    """Return the row to be stored, or why the request is refused."""
    if not takes_webhooks(ctx, connection_name):
        return WebhookRejected("unknown_connection")
    connection = ctx.connections[connection_name]
    try:
        ctx.plugins.call(connection.settings.plugin, "nps_verify_webhook", connection=connection, request=request)
    except Exception as error:  # noqa: BLE001  # a plugin may raise anything; the error is the answer to this request
        return error
    try:
        json.loads(request.body)
    except (ValueError, RecursionError):
        return WebhookRejected("unreadable", "signed, but not JSON")
    return {
        "queue_name": parse_queue(connection_name),
        "due_at": request.received_at,
        "connection": connection_name,
        "method": request.method,
        "url": request.url,
        "headers": {name: value for name, value in request.headers.items() if STORED_HEADER.fullmatch(name)},
        "body": request.body,
        "received_at": request.received_at,
    }
