"""Verification of webhook signatures and timestamps.

Source: developer.zendesk.com/documentation/webhooks/verifying/. Zendesk prescribes no time window; this plugin accepts
five minutes in both directions.
"""

from __future__ import annotations

from datetime import UTC, datetime

from nps_connect import Connection, WebhookRequest, hookimpl, sign_hmac, verify_age, verify_hmac
from nps_connect_zendesk.settings import ZendeskSettings

SIGNATURE = "x-zendesk-webhook-signature"
TIMESTAMP = "x-zendesk-webhook-signature-timestamp"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature that Zendesk sends in the header.

    Base64 of HMAC-SHA256 over timestamp and body, concatenated; the secret is used as text and not decoded.
    """
    return sign_hmac(secret, signed_bytes(timestamp, body), encoding="base64")


def signed_bytes(timestamp: str, body: bytes) -> bytes:
    """Return what Zendesk signs."""
    return timestamp.encode("utf-8", "replace") + body


def parse_moment(text: str) -> datetime | None:
    """Return the UTC time of an RFC 3339 text, or None if it is invalid or has no zone."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@hookimpl
def nps_verify_webhook(connection: Connection[ZendeskSettings], request: WebhookRequest) -> None:
    """Accept a webhook with a valid signature and a timestamp within five minutes.

    Raises:
        WebhookRejected: `signature` or `stale`.
    """
    received, timestamp = request.require_header(SIGNATURE), request.require_header(TIMESTAMP)
    signed = signed_bytes(timestamp, request.body)
    verify_hmac(received, signed, connection.settings.webhook_secrets, encoding="base64")
    verify_age(timestamp, request.received_at)
