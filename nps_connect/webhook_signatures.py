"""Verification of signed webhooks, for plugins. Pure.

Standard Webhooks: github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md. The header
``webhook-signature`` holds ``v1,`` and base64 of HMAC-SHA256 over ``id.timestamp.body``; secrets are base64 after
``whsec_``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import SecretStr

from nps_connect.errors import WebhookRejected
from nps_connect.records.events import WebhookRequest

SECRET_PREFIX = "whsec_"  # noqa: S105  # a prefix, no secret

MAX_SIGNATURES = 20
"""Signatures of one header that are compared at most."""

MAX_WEBHOOK_AGE = timedelta(minutes=5)
"""Largest difference between a signed timestamp and now that is accepted unless the caller says otherwise."""

MILLISECONDS_FROM = 100_000_000_000
"""Epoch numbers from this one on are milliseconds: as seconds it would be the year 5138."""


def sign_hmac(
    secret: str | bytes,
    signed: bytes,
    *,
    algorithm: Literal["sha256", "sha1"] = "sha256",
    encoding: Literal["hex", "base64"] = "hex",
) -> str:
    """Return the encoded HMAC of the signed bytes; hexadecimal digits are in lower case."""
    key = secret.encode() if isinstance(secret, str) else secret
    digest = hmac.digest(key, signed, algorithm)
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()


def verify_hmac(
    received: str | Sequence[str],
    signed: bytes,
    secrets: Iterable[str | SecretStr],
    *,
    algorithm: Literal["sha256", "sha1"] = "sha256",
    encoding: Literal["hex", "base64"] = "hex",
) -> None:
    """Accept a webhook if one of the secrets signed it. All pairs are compared in constant time.

    Args:
        received: the signature from the header, without a prefix such as ``sha256=``; several if the header holds more.
        signed: the bytes that the vendor signs, such as the body, or timestamp and body.
        secrets: those of the connection: several while one is replaced. Without a secret nothing is accepted.
        algorithm: of the HMAC.
        encoding: of the signature.

    Raises:
        WebhookRejected: `signature`.
    """
    keys = [key for key in map(_plain, secrets) if key]
    expected = [sign_hmac(key, signed, algorithm=algorithm, encoding=encoding) for key in keys]
    signatures = [received] if isinstance(received, str) else received
    if encoding == "hex":
        signatures = [signature.lower() for signature in signatures]
    verify_secret([signature.strip() for signature in signatures], expected)


def verify_secret(received: Sequence[str], expected: Iterable[str | SecretStr]) -> None:
    """Accept a webhook if one of the received texts equals an expected one; each pair is compared in constant time.

    For vendors that send the secret itself (a bearer token), or sign in their own way. An empty text never matches.

    Raises:
        WebhookRejected: `signature`.
    """
    candidates = [text for text in map(_plain, expected) if text]
    if not candidates:
        raise WebhookRejected("signature", "the connection has no secret to verify webhooks with")
    pairs = [(value, candidate) for value in received[:MAX_SIGNATURES] for candidate in candidates]
    # Every pair is compared, so that the duration does not reveal which one matches.
    matches = [hmac.compare_digest(value.encode("utf-8", "replace"), text.encode()) for value, text in pairs]
    if not any(matches):
        raise WebhookRejected("signature", "the signature does not match")


def verify_age(timestamp: str, received_at: datetime, *, max_age: timedelta = MAX_WEBHOOK_AGE) -> None:
    """Accept a webhook whose signed timestamp is at most `max_age` from its receipt, in both directions.

    Args:
        timestamp: epoch seconds, epoch milliseconds, or an ISO 8601 text with an offset.
        received_at: `WebhookRequest.received_at`.
        max_age: the largest difference.

    Raises:
        WebhookRejected: `stale`.
    """
    moment = parse_timestamp(timestamp)
    if moment is None:
        raise WebhookRejected("stale", "the timestamp is not a time")
    if abs(received_at - moment) > max_age:
        raise WebhookRejected("stale", f"the timestamp is more than {max_age.total_seconds():.0f} seconds from now")


def verify_standard_webhook(
    request: WebhookRequest, secrets: Iterable[str | SecretStr], *, max_age: timedelta = MAX_WEBHOOK_AGE
) -> None:
    """Accept a webhook that is signed as Standard Webhooks prescribe, by one of the secrets, at most `max_age` ago.

    Raises:
        WebhookRejected: `signature` or `stale`.
        ValueError: a secret is not base64; validate secrets in the settings model with `decode_webhook_secret`.
    """
    message_id, timestamp = request.require_header("webhook-id"), request.require_header("webhook-timestamp").strip()
    signatures = request.require_header("webhook-signature").split(" ")[:MAX_SIGNATURES]
    received = [part for part in signatures if part.startswith("v1,")]
    keys = [key for key in map(_plain, secrets) if key]
    verify_secret(received, [sign_standard_webhook(key, message_id, timestamp, request.body) for key in keys])
    verify_age(timestamp, request.received_at, max_age=max_age)


def sign_standard_webhook(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Return the value of the header ``webhook-signature``.

    Raises:
        ValueError: the secret is not base64.
    """
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    digest = hmac.new(decode_webhook_secret(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def decode_webhook_secret(secret: str) -> bytes:
    """Return the key of a secret of Standard Webhooks: base64, with or without ``whsec_`` and padding.

    Raises:
        ValueError: not base64.
    """
    text = secret.strip().removeprefix(SECRET_PREFIX).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a secret of Standard Webhooks is base64, after whsec_") from None


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


def _plain(secret: str | SecretStr) -> str:
    return secret.get_secret_value() if isinstance(secret, SecretStr) else secret
