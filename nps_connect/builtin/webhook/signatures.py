"""Verify the signature of a webhook by the configured scheme. Nothing of a request is trusted before.

The schemes of vendors are named in docs/sources.md, with their sources.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from nps_connect import Connection, WebhookRejected, WebhookRequest, hookimpl
from nps_connect.builtin.webhook import standard_webhooks
from nps_connect.builtin.webhook.signature_settings import SignatureSettings

MAX_SIGNATURES = 20
"""Signatures of one header that are compared at most."""

MILLISECONDS_FROM = 100_000_000_000
"""Epoch numbers from this one on are milliseconds: as seconds it would be the year 5138."""


@hookimpl
def nps_verify_webhook(connection: Connection, request: WebhookRequest) -> None:
    """Accept a webhook with a valid signature and, where one is signed, a timestamp within the tolerance.

    Raises:
        WebhookRejected: `signature` or `stale`.
    """
    if connection.settings.incoming is None:
        raise WebhookRejected("signature", "no signature is configured")
    signature: SignatureSettings = connection.settings.incoming.signature
    if signature.scheme == "bearer":
        _verify_bearer(signature, request)
    elif signature.scheme == "standard-webhooks":
        _verify_standard_webhooks(signature, request)
    else:
        _verify_hmac(signature, request)


def sign_hmac(signature: SignatureSettings, secret: str, timestamp: str, body: bytes) -> str:
    """Return the encoded HMAC of a body, without the prefix."""
    before, _, after = signature.signed_template.replace("{timestamp}", timestamp).partition("{body}")
    algorithm = hashlib.sha256 if signature.scheme == "hmac-sha256" else hashlib.sha1
    digest = hmac.new(secret.encode(), before.encode() + body + after.encode(), algorithm).digest()
    return digest.hex() if signature.encoding == "hex" else base64.b64encode(digest).decode()


def parse_timestamp(text: str) -> datetime | None:
    """Return the moment of epoch seconds, epoch milliseconds or an ISO 8601 text with an offset; None if unusable."""
    text = text.strip()
    try:
        if text.isascii() and text.isdigit() and len(text) <= 16:
            number = int(text)
            return datetime.fromtimestamp(number / 1000 if number >= MILLISECONDS_FROM else number, UTC)
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def parse_elements(text: str) -> dict[str, list[str]]:
    """Return the values of a header such as ``t=1,v1=abc,v1=def`` by name; several values of one name are kept."""
    elements: dict[str, list[str]] = {}
    for part in text.split(",")[: 2 * MAX_SIGNATURES]:
        name, equals, value = part.strip().partition("=")
        if equals:
            elements.setdefault(name.strip(), []).append(value.strip())
    return elements


def _verify_bearer(signature: SignatureSettings, request: WebhookRequest) -> None:
    header = signature.header or "authorization"
    received = _header(request, header).strip()
    prefix = signature.prefix or ("Bearer" if header == "authorization" else "")
    scheme, _, credentials = received.partition(" ")
    if prefix and scheme.casefold() == prefix.strip().casefold():
        received = credentials.strip()
    elif prefix:
        if not received.startswith(prefix):
            raise WebhookRejected("signature", f"the header {header} has another form")
        received = received.removeprefix(prefix)
    _compare([received], [secret.get_secret_value().strip() for secret in signature.secrets])


def _verify_standard_webhooks(signature: SignatureSettings, request: WebhookRequest) -> None:
    message_id, timestamp = _header(request, "webhook-id"), _header(request, "webhook-timestamp").strip()
    received = [
        part for part in _header(request, "webhook-signature").split(" ")[:MAX_SIGNATURES] if part.startswith("v1,")
    ]
    secrets = [secret.get_secret_value() for secret in signature.secrets]
    expected = [standard_webhooks.sign(secret, message_id, timestamp, request.body) for secret in secrets]
    _compare(received, expected)
    _check_age(timestamp, signature, request)


def _verify_hmac(signature: SignatureSettings, request: WebhookRequest) -> None:
    header = _header(request, signature.header or "")
    timestamp = ""
    received = [header.strip()]
    if signature.signature_element is not None:
        elements = parse_elements(header)
        received = elements.get(signature.signature_element, [])[:MAX_SIGNATURES]
        if signature.timestamp_element is not None:
            [timestamp, *_] = elements.get(signature.timestamp_element) or [""]
    if signature.timestamp_header is not None:
        timestamp = _header(request, signature.timestamp_header).strip()
    if signature.has_timestamp and not timestamp:
        raise WebhookRejected("signature", "the timestamp is missing")
    if signature.prefix:
        received = [value.removeprefix(signature.prefix) for value in received if value.startswith(signature.prefix)]
    if signature.encoding == "hex":
        received = [value.lower() for value in received]
    secrets = [secret.get_secret_value() for secret in signature.secrets]
    _compare(received, [sign_hmac(signature, secret, timestamp, request.body) for secret in secrets])
    if signature.has_timestamp:
        _check_age(timestamp, signature, request)


def _header(request: WebhookRequest, name: str) -> str:
    value = request.headers.get(name)
    if not value:
        raise WebhookRejected("signature", f"the header {name} is missing")
    return value


def _compare(received: Sequence[str], expected: Sequence[str]) -> None:
    """Compare every received signature with every expected one in constant time.

    Raises:
        WebhookRejected: `signature`: no pair is equal.
    """
    if not any(list(_matches(received, expected))):
        raise WebhookRejected("signature", "the signature does not match")


def _matches(received: Sequence[str], expected: Sequence[str]) -> Iterator[bool]:
    for value in received:
        for candidate in expected:
            yield hmac.compare_digest(value.encode("utf-8", "replace"), candidate.encode())


def _check_age(timestamp: str, signature: SignatureSettings, request: WebhookRequest) -> None:
    moment = parse_timestamp(timestamp)
    if moment is None:
        raise WebhookRejected("stale", "the timestamp is not a time")
    if abs(request.received_at - moment) > timedelta(seconds=signature.tolerance):
        raise WebhookRejected("stale", f"the timestamp is more than {signature.tolerance:.0f} seconds from now")
