"""Believing a webhook: Zendesk's signature and the time window.

Source: developer.zendesk.com/documentation/webhooks/verifying/. Zendesk prescribes no window; ours is five minutes,
in both directions.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from nps_connect import Connection, WebhookRejected, WebhookRequest, hookimpl

SIGNATURE = "x-zendesk-webhook-signature"
TIMESTAMP = "x-zendesk-webhook-signature-timestamp"
MAX_SIGNATURE_AGE = timedelta(minutes=5)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The signature that Zendesk puts into the header.

    Base64 of HMAC-SHA256 over timestamp and body with nothing between; the secret is used as text, it is not decoded.
    """
    digest = hmac.new(secret.encode(), timestamp.encode("utf-8", "replace") + body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def parse_moment(text: str) -> datetime | None:
    """An RFC 3339 time as an aware UTC moment; none if it is not one (a time without zone is not)."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@hookimpl
def nps_verify_webhook(connection: Connection, request: WebhookRequest) -> None:
    """Believe a webhook whose signature is right and whose timestamp is within five minutes.

    Raises:
        WebhookRejected: `signature` or `stale`.
    """
    given = request.headers.get(SIGNATURE)
    timestamp = request.headers.get(TIMESTAMP)
    if not given or not timestamp:
        raise WebhookRejected("signature", "signature headers are missing")
    secrets = [secret.get_secret_value() for secret in connection.settings.webhook_secrets]
    expected = [signature(secret, timestamp, request.body).encode() for secret in secrets]
    offered = given.strip().encode("utf-8", "replace")
    matches = [hmac.compare_digest(offered, one) for one in expected]
    if not any(matches):
        raise WebhookRejected("signature", "signature does not match" if secrets else "no webhook_secret is configured")
    moment = parse_moment(timestamp)
    if moment is None:
        raise WebhookRejected("stale", "the timestamp is not an RFC 3339 time")
    if abs(request.received_at - moment) > MAX_SIGNATURE_AGE:
        raise WebhookRejected("stale", "the timestamp is more than five minutes away")
