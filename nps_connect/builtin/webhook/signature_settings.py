"""The ``[connections.<name>.incoming.signature]`` table."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from nps_connect import STORED_HEADER, decode_webhook_secret

DEFAULT_TOLERANCE_SECONDS = 300.0
"""The age that Stripe's libraries and Standard Webhooks accept: five minutes."""


def _validate_header(name: str) -> str:
    if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise ValueError("not the name of a header, such as X-Shopify-Topic")
    return name.lower()


HeaderName = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_validate_header)]
"""Name of an HTTP header; stored in lower case."""


class StrictTable(BaseModel):
    """A table inside a connection's own: no other keys, and no values in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SignatureSettings(StrictTable):
    """How the source proves that a webhook is its own.

    Attributes:
        scheme: `standard-webhooks` (standardwebhooks.com), an HMAC of the body, or `bearer`: a secret header, which
            proves nothing about the body and is for sources that cannot sign.
        secrets: the accepted secrets, as references; two while the secret is being changed.
        header: the header with the signature; for `bearer` by default ``Authorization``.
        encoding: of an HMAC.
        prefix: text before the signature, such as ``sha256=``; for ``Authorization`` by default ``Bearer``.
        signature_element: for headers of several elements such as ``t=1,v1=abc``: the name of the signature's element.
        timestamp_element: likewise, the name of the timestamp's element.
        timestamp_header: the header with the timestamp (epoch seconds or milliseconds, or ISO 8601).
        signed: what is signed, from ``{timestamp}`` and ``{body}``; by default ``{timestamp}.{body}`` with a timestamp,
            else ``{body}``.
        tolerance: seconds by which a timestamp may differ from the present, in both directions.
    """

    scheme: Literal["standard-webhooks", "hmac-sha256", "hmac-sha1", "bearer"]
    secrets: Annotated[tuple[SecretStr, ...], Field(min_length=1, max_length=10)]
    header: HeaderName | None = None
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = Field(default="", max_length=40)
    signature_element: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,20}$")
    timestamp_element: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,20}$")
    timestamp_header: HeaderName | None = None
    signed: str | None = Field(default=None, max_length=100)
    tolerance: float = Field(default=DEFAULT_TOLERANCE_SECONDS, ge=1, le=86_400)

    @property
    def has_timestamp(self) -> bool:
        """Whether a timestamp is signed."""
        return self.timestamp_header is not None or self.timestamp_element is not None

    @property
    def signed_template(self) -> str:
        """What is signed, with ``{timestamp}`` and ``{body}`` as placeholders."""
        return self.signed or ("{timestamp}.{body}" if self.has_timestamp else "{body}")

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        for secret in self.secrets:
            _check_secret(secret.get_secret_value(), is_standard=self.scheme == "standard-webhooks")
        if self.scheme == "bearer" and self.header is not None and STORED_HEADER.fullmatch(self.header):
            raise ValueError(f"the header {self.header} is stored; use one named like X-Api-Key or X-Token")
        if self.scheme in ("hmac-sha256", "hmac-sha1"):
            self._check_hmac()
        else:
            hmac_only = ("encoding", "signature_element", "timestamp_element", "timestamp_header", "signed")
            unused = sorted(self.model_fields_set.intersection(hmac_only))
            if self.scheme == "standard-webhooks":
                unused += sorted(self.model_fields_set.intersection(("header", "prefix")))
            if unused:
                raise ValueError(f"scheme {self.scheme!r} does not use {', '.join(unused)}")
        return self

    def _check_hmac(self) -> None:
        if self.header is None:
            raise ValueError(f"scheme {self.scheme!r} needs header: the name of the header with the signature")
        if self.timestamp_element is not None and self.signature_element is None:
            raise ValueError("timestamp_element needs signature_element: the name of the signature's element")
        if self.timestamp_element is not None and self.timestamp_header is not None:
            raise ValueError("the timestamp has either its own header or an element, not both")
        template = self.signed_template
        if template.count("{body}") != 1:
            raise ValueError("signed must contain {body} once: a signature that does not cover the body proves nothing")
        if ("{timestamp}" in template) != self.has_timestamp:
            raise ValueError("signed contains {timestamp} exactly if timestamp_header or timestamp_element is set")
        if not self.has_timestamp and "tolerance" in self.model_fields_set:
            raise ValueError("tolerance needs a timestamp: set timestamp_header or timestamp_element")


def _check_secret(secret: str, *, is_standard: bool) -> None:
    if len(secret.strip()) < 8:
        raise ValueError("a secret has fewer than 8 characters")
    if is_standard:
        decode_webhook_secret(secret)
