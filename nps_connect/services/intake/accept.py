"""Intake, first half: verify a webhook, store it durably, answer. Nothing is read from it yet."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from nps_connect.errors import WebhookRejected
from nps_connect.ledger.group_commit import NewRow
from nps_connect.ledger.tables import RawRequest
from nps_connect.records.events import WebhookRequest
from nps_connect.services.context import Context, parse_queue

log = logging.getLogger(__name__)

KEPT_HEADERS = frozenset({"content-type", "user-agent"})
"""Beside the vendor's own ``x-`` headers. Cookies and credentials are never stored."""


def accept_webhooks(ctx: Context, asked: Sequence[tuple[str, WebhookRequest]]) -> list[int | Exception]:
    """Store believed webhooks together; durable when this returns.

    Args:
        ctx: the joined parts.
        asked: what came, each with the name of its connection.

    Returns:
        For each the id of the stored request, or what is wrong with it: `WebhookRejected` for an unknown connection
        (or one that takes no webhooks), a bad or stale signature, a body that is not JSON.
    """
    taken = [_verified_row(ctx, connection, request) for connection, request in asked]
    rows = [row for row in taken if isinstance(row, NewRow)]
    failed = dict(zip(map(id, rows), ctx.ledger.add_all(rows), strict=True))
    stored = [row for row in rows if failed[id(row)] is None]
    for queue_name in {row.values["queue_name"] for row in stored}:
        ctx.wake(queue_name)
    for row in stored:
        told = row.values
        log.info("webhook stored connection=%s request=%s bytes=%d", told["connection"], row.id, len(told["body"]))
    return [one if isinstance(one, Exception) else failed[id(one)] or one.id or 0 for one in taken]


def _verified_row(ctx: Context, connection_name: str, request: WebhookRequest) -> NewRow | Exception:
    """What is to be stored, or why it is not."""
    try:
        _verify(ctx, connection_name, request)
    except Exception as error:  # noqa: BLE001  # a plugin may raise anything: it is this request's answer
        return error
    return NewRow(
        RawRequest,
        {
            "queue_name": parse_queue(connection_name),
            "state": "pending",
            "due_at": request.received_at,
            "attempts": 0,
            "connection": connection_name,
            "method": request.method,
            "url": request.url,
            "headers": {name: value for name, value in request.headers.items() if _is_stored_header(name)},
            "body": request.body,
            "received_at": request.received_at,
            "events_new": 0,
            "events_duplicate": 0,
        },
    )


def _verify(ctx: Context, connection_name: str, request: WebhookRequest) -> None:
    connection = ctx.connections.get(connection_name)
    if connection is None or connection.settings.events != "webhook":
        raise WebhookRejected("unknown_connection")
    ctx.plugins.call(ctx.plugin_name(connection_name), "nps_verify_webhook", connection=connection, request=request)
    try:
        json.loads(request.body)
    except (ValueError, RecursionError):
        raise WebhookRejected("unreadable", "signed, but not JSON") from None


def _is_stored_header(name: str) -> bool:
    return name in KEPT_HEADERS or (name.startswith("x-") and "auth" not in name and "token" not in name)
