"""Verification of webhook signatures. CPU only.

The rules are those of "Request validation" in HubSpot's developer documentation. v1 and v2 sign no time, so anybody who
saw such a request can replay it; they are accepted only where the settings say so.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from nps_connect import Connection, WebhookRejected, WebhookRequest, hookimpl, sign_hmac, verify_secret
from nps_connect_hubspot.settings import HubSpotSettings

MAX_SIGNATURE_AGE = timedelta(minutes=5)
SIGNATURE = "x-hubspot-signature"
SIGNATURE_VERSION = "x-hubspot-signature-version"
SIGNATURE_V3 = "x-hubspot-signature-v3"
TIMESTAMP = "x-hubspot-request-timestamp"

_DECODED = {
    "3A": ":",
    "2F": "/",
    "3F": "?",
    "40": "@",
    "21": "!",
    "24": "$",
    "27": "'",
    "28": "(",
    "29": ")",
    "2A": "*",
    "2C": ",",
    "3B": ";",
}
_ENCODED = re.compile("%(" + "|".join(_DECODED) + ")", re.IGNORECASE)


def signed_url(url: str) -> str:
    """Return the address as HubSpot signs it: the characters of its list decoded once, everything else unchanged."""
    return _ENCODED.sub(lambda match: _DECODED[match[1].upper()], url)


def signature_v3(secret: str, method: str, url: str, body: bytes, timestamp: str) -> str:
    """Return base64 of HMAC-SHA256 over method, address, body and timestamp (milliseconds), concatenated."""
    text = method.encode() + signed_url(url).encode() + body + timestamp.encode()
    return sign_hmac(secret, text, encoding="base64")


def signature_v2(secret: str, method: str, url: str, body: bytes) -> str:
    """Return hex SHA-256 of secret, method, address and body."""
    return hashlib.sha256(secret.encode() + method.encode() + url.encode() + body).hexdigest()


def signature_v1(secret: str, body: bytes) -> str:
    """Return hex SHA-256 of secret and body."""
    return hashlib.sha256(secret.encode() + body).hexdigest()


@hookimpl
def nps_verify_webhook(connection: Connection[HubSpotSettings], request: WebhookRequest) -> None:
    """Accept a webhook only if one of the connection's secrets signed this request within the last five minutes."""
    settings = connection.settings
    secrets = [secret.get_secret_value() for secret in settings.webhook_secrets]
    if not secrets:
        raise WebhookRejected("signature", "the connection has no webhook_secrets")
    version, signature = _request_signature(request, settings)
    called = request.model_copy(update={"url": _called_url(settings, request.url)})
    try:
        verify_secret([signature], [_expected_signature(version, secret, called) for secret in secrets])
    except WebhookRejected:
        raise WebhookRejected(
            "signature", f"the {version} signature does not match; is public_url (or webhook_url) the address called?"
        ) from None
    if version == "v3":
        _check_age(request.headers.get(TIMESTAMP, ""), request.received_at)


def _called_url(settings: HubSpotSettings, url: str) -> str:
    """Return the address that HubSpot called: the registered one, with the request's query if it has none itself."""
    registered = settings.webhook_url
    if registered is None:
        return url
    query = urlsplit(url).query
    return f"{registered}?{query}" if query and "?" not in registered else registered


def _expected_signature(version: str, secret: str, request: WebhookRequest) -> str:
    if version == "v3":
        timestamp = request.headers.get(TIMESTAMP, "")
        return signature_v3(secret, request.method, request.url, request.body, timestamp)
    if version == "v2":
        return signature_v2(secret, request.method, request.url, request.body)
    return signature_v1(secret, request.body)


def _request_signature(request: WebhookRequest, settings: HubSpotSettings) -> tuple[str, str]:
    """Return the strongest signature of the request that the settings accept, with its version."""
    if "v3" in settings.signatures and SIGNATURE_V3 in request.headers:
        return "v3", request.headers[SIGNATURE_V3].strip()
    older = request.headers.get(SIGNATURE_VERSION, "").strip().lower()
    if older in ("v1", "v2") and older in settings.signatures and SIGNATURE in request.headers:
        return older, request.headers[SIGNATURE].strip()
    raise WebhookRejected("signature", f"no signature of an accepted version ({', '.join(settings.signatures)})")


def _check_age(timestamp: str, received_at: datetime) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 14):
        raise WebhookRejected("stale", "the timestamp is not a number of milliseconds")
    signed_at = datetime.fromtimestamp(int(timestamp) / 1000, UTC)
    if abs(received_at - signed_at) > MAX_SIGNATURE_AGE:
        raise WebhookRejected("stale", "signed more than five minutes from now; check the clock of this machine")
