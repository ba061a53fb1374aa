"""Signatures of Standard Webhooks. Pure.

Source: github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: the header
``webhook-signature`` holds ``v1,`` and base64 of HMAC-SHA256 over ``id.timestamp.body``; secrets are base64 after
``whsec_``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

SECRET_PREFIX = "whsec_"  # noqa: S105  # a prefix, no secret


def decode_secret(secret: str) -> bytes:
    """Return the key of a secret: base64, with or without ``whsec_`` and padding.

    Raises:
        ValueError: not base64.
    """
    text = secret.strip().removeprefix(SECRET_PREFIX).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a secret of Standard Webhooks is base64, after whsec_") from None


def sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Return the value of the header ``webhook-signature``."""
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    digest = hmac.new(decode_secret(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()
