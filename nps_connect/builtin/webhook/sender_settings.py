"""The table ``[connections.<name>.outgoing]``: which webhooks a system receives, and how they are signed."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, HttpUrl, SecretStr, model_validator

from nps_connect import WebhookType, decode_webhook_secret, is_loopback
from nps_connect.builtin.webhook.signature_settings import StrictTable

MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64
"""Bounds of the specification, under "Signature scheme"."""

MAX_SECRETS = 5


def _check_url(url: HttpUrl) -> HttpUrl:
    if url.scheme != "https" and not is_loopback(url.host or ""):
        raise ValueError("must be https, or http to this machine")
    if url.username is not None or url.password is not None or url.fragment is not None:
        raise ValueError("must hold no user name, no password and no fragment")
    return url


def _check_secret(secret: SecretStr) -> SecretStr:
    if not MIN_SECRET_BYTES <= len(decode_webhook_secret(secret.get_secret_value())) <= MAX_SECRET_BYTES:
        raise ValueError(
            f"a secret has {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes; "
            'make one with: echo "whsec_$(openssl rand -base64 32)"'
        )
    return secret


class OutgoingSettings(StrictTable):
    """Webhooks that are sent.

    Attributes:
        url: the address that receives them: https, or http to this machine. Redirects are not followed.
        secrets: sign them, by reference: ``whsec_`` and base64 of 24 to 64 random bytes. Each one adds a signature: to
            change a secret, put the new one first and remove the old one when the receiver knows the new one.
        events: what is sent, such as ``response.recorded``.
        all_decisions: `decision.made` also for surveys that are refused or held.
        timeout: seconds until an answer must be complete.
    """

    url: Annotated[HttpUrl, AfterValidator(_check_url)]
    secrets: tuple[Annotated[SecretStr, AfterValidator(_check_secret)], ...] = Field(
        min_length=1, max_length=MAX_SECRETS
    )
    events: tuple[WebhookType, ...] = Field(min_length=1)
    all_decisions: bool = False
    timeout: float = Field(default=20.0, ge=1, le=30)

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if self.all_decisions and "decision.made" not in self.events:
            raise ValueError('all_decisions needs "decision.made" in events')
        return self
