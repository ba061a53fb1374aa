"""Verify the signature of a webhook by the configured scheme. Nothing of a request is trusted before.

The schemes of vendors are named in docs/sources.md, with their sources.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from nps_connect import (
    Connection,
    WebhookRejected,
    WebhookRequest,
    hookimpl,
    sign_hmac,
    verify_age,
    verify_hmac,
    verify_secret,
    verify_standard_webhook,
)
from nps_connect.builtin.webhook.settings import WebhookSettings
from nps_connect.builtin.webhook.signature_settings import SignatureSettings

MAX_ELEMENTS = 40
"""Elements of one header that are read at most."""


@hookimpl
def nps_verify_webhook(connection: Connection[WebhookSettings], request: WebhookRequest) -> None:
    """Accept a webhook with a valid signature and, where one is signed, a timestamp within the tolerance.

    Raises:
        WebhookRejected: `signature` or `stale`.
    """
    if connection.settings.incoming is None:
        raise WebhookRejected("signature", "no signature is configured")
    signature = connection.settings.incoming.signature
    if signature.scheme == "bearer":
        _verify_bearer(signature, request)
    elif signature.scheme == "standard-webhooks":
        verify_standard_webhook(request, signature.secrets, max_age=timedelta(seconds=signature.tolerance))
    else:
        _verify_hmac(signature, request)


def sign_body(signature: SignatureSettings, secret: str, timestamp: str, body: bytes) -> str:
    """Return the encoded HMAC of a body, without the prefix."""
    signed = _signed_bytes(signature, timestamp, body)
    return sign_hmac(secret, signed, algorithm=_algorithm(signature), encoding=signature.encoding)


def _signed_bytes(signature: SignatureSettings, timestamp: str, body: bytes) -> bytes:
    before, _, after = signature.signed_template.replace("{timestamp}", timestamp).partition("{body}")
    return before.encode() + body + after.encode()


def _algorithm(signature: SignatureSettings) -> Literal["sha256", "sha1"]:
    return "sha256" if signature.scheme == "hmac-sha256" else "sha1"


def parse_elements(text: str) -> dict[str, list[str]]:
    """Return the values of a header such as ``t=1,v1=abc,v1=def`` by name; several values of one name are kept."""
    elements: dict[str, list[str]] = {}
    for part in text.split(",")[:MAX_ELEMENTS]:
        name, equals, value = part.strip().partition("=")
        if equals:
            elements.setdefault(name.strip(), []).append(value.strip())
    return elements


def _verify_bearer(signature: SignatureSettings, request: WebhookRequest) -> None:
    header = signature.header or "authorization"
    received = request.require_header(header).strip()
    prefix = signature.prefix or ("Bearer" if header == "authorization" else "")
    scheme, _, credentials = received.partition(" ")
    if prefix and scheme.casefold() == prefix.strip().casefold():
        received = credentials.strip()
    elif prefix:
        if not received.startswith(prefix):
            raise WebhookRejected("signature", f"the header {header} has another form")
        received = received.removeprefix(prefix)
    verify_secret([received], [secret.get_secret_value().strip() for secret in signature.secrets])


def _verify_hmac(signature: SignatureSettings, request: WebhookRequest) -> None:
    header = request.require_header(signature.header or "")
    timestamp = ""
    received = [header.strip()]
    if signature.signature_element is not None:
        elements = parse_elements(header)
        received = elements.get(signature.signature_element, [])
        if signature.timestamp_element is not None:
            [timestamp, *_] = elements.get(signature.timestamp_element) or [""]
    if signature.timestamp_header is not None:
        timestamp = request.require_header(signature.timestamp_header).strip()
    if signature.has_timestamp and not timestamp:
        raise WebhookRejected("signature", "the timestamp is missing")
    if signature.prefix:
        received = [value.removeprefix(signature.prefix) for value in received if value.startswith(signature.prefix)]
    signed = _signed_bytes(signature, timestamp, request.body)
    verify_hmac(received, signed, signature.secrets, algorithm=_algorithm(signature), encoding=signature.encoding)
    if signature.has_timestamp:
        verify_age(timestamp, request.received_at, max_age=timedelta(seconds=signature.tolerance))
