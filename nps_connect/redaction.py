"""Redaction of secrets and addresses in logs, errors, tracebacks and stored attempts."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote, urlsplit

from pydantic import BaseModel, SecretBytes, SecretStr

HIDDEN = "[hidden]"
MIN_SECRET_LENGTH = 4
_LOCAL = r"[^\s\"<>(),;:\[\]\\@=&?/]{0,64}"
_MAILBOX = re.compile(rf"{_LOCAL}(?:@|%40)[\w-]+(?:\.[\w-]+)+")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{4,}")


def iter_secrets(settings: object) -> Iterator[str]:
    """Yield every secret value inside a settings model, at any depth."""
    if isinstance(settings, SecretStr):
        yield settings.get_secret_value()
    elif isinstance(settings, SecretBytes):
        yield settings.get_secret_value().decode("utf-8", "replace")
    elif isinstance(settings, BaseModel):
        for name in type(settings).model_fields:
            yield from iter_secrets(getattr(settings, name))
    elif isinstance(settings, dict):
        for value in settings.values():
            yield from iter_secrets(value)
    elif isinstance(settings, list | tuple | set | frozenset):
        for value in settings:
            yield from iter_secrets(value)


class Redactor:
    """Removes secrets and e-mail addresses from a text.

    Args:
        secrets: values to hide, also in their URL, JSON and HTML encodings, and the password inside a secret URL;
            values under 4 characters are ignored, because they would hide ordinary words.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._plain = frozenset(
            part for secret in secrets for part in secret_parts(secret) if len(part) >= MIN_SECRET_LENGTH
        )
        encoded = {encoding for part in self._plain for encoding in _encodings(part)}
        self._encoded = sorted(encoded, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text without secrets, bearer tokens and e-mail addresses."""
        for secret in self._encoded:
            text = text.replace(secret, HIDDEN)
        return _MAILBOX.sub("[address]", _BEARER.sub(rf"\1 {HIDDEN}", text))

    def with_secrets(self, secrets: Iterable[str]) -> Redactor:
        """Return a redactor that hides these too."""
        return Redactor([*self._plain, *secrets])


def secret_parts(secret: str) -> Iterator[str]:
    """Yield a secret and what is secret inside it: the credentials of a header, the password of a URL."""
    secret = secret.strip()
    yield secret
    scheme, space, credentials = secret.partition(" ")
    if space and scheme.lower() in {"basic", "bearer"}:
        yield credentials.strip()
    try:
        password = urlsplit(secret).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)


def _encodings(secret: str) -> Iterator[str]:
    in_json = json.dumps(secret)[1:-1]
    yield from (secret, in_json, in_json.replace("/", "\\/"), json.dumps(secret, ensure_ascii=False)[1:-1])
    yield from (html.escape(secret), quote(secret), quote(secret, safe=""), quote_plus(secret))
