"""Verification of webhook signatures and timestamps.

Source: developer.zendesk.com/documentation/webhooks/verifying/. Zendesk prescribes no time window; this plugin accepts
five minutes in both directions.
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
    """Return the signature that Zendesk sends in the header.

    Base64 of HMAC-SHA256 over timestamp and body, concatenated; the secret is used as text and not decoded.
    """
    digest = hmac.new(secret.encode(), timestamp.encode("utf-8", "replace") + body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def parse_moment(text: str) -> datetime | None:
    """Return the UTC time of an RFC 3339 text, or None if it is invalid or has no zone."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@hookimpl
def nps_verify_webhook(connection: Connection, request: WebhookRequest) -> None:
    """Accept a webhook with a valid signature and a timestamp within five minutes.

    Raises:
        WebhookRejected: `signature` or `stale`.
    """
    signature_header = request.headers.get(SIGNATURE)
    timestamp = request.headers.get(TIMESTAMP)
    if not signature_header or not timestamp:
        raise WebhookRejected("signature", "signature headers are missing")
    secrets = [secret.get_secret_value() for secret in connection.settings.webhook_secrets]
    expected = [signature(secret, timestamp, request.body).encode() for secret in secrets]
    received = signature_header.strip().encode("utf-8", "replace")
    matches = [hmac.compare_digest(received, candidate) for candidate in expected]
    if not any(matches):
        raise WebhookRejected("signature", "signature does not match" if secrets else "no webhook_secret is configured")
    moment = parse_moment(timestamp)
    if moment is None:
        raise WebhookRejected("stale", "the timestamp is not an RFC 3339 time")
    if abs(request.received_at - moment) > MAX_SIGNATURE_AGE:
        raise WebhookRejected("stale", "the timestamp is more than five minutes from now")
