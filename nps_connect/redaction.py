"""The secret filter: what leaves through logs, errors, tracebacks and stored attempts passes here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from pydantic import BaseModel, SecretStr

HIDDEN = "[hidden]"
SHORTEST = 4
_MAILBOX = re.compile(r"[\w.+'-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+", re.ASCII)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{4,}")


def secrets_of(settings: object) -> Iterator[str]:
    """Every secret value inside a settings model, however deep."""
    if isinstance(settings, SecretStr):
        yield settings.get_secret_value()
    elif isinstance(settings, BaseModel):
        for name in type(settings).model_fields:
            yield from secrets_of(getattr(settings, name))
    elif isinstance(settings, dict):
        for value in settings.values():
            yield from secrets_of(value)
    elif isinstance(settings, list | tuple):
        for value in settings:
            yield from secrets_of(value)


class Redactor:
    """Takes secrets and e-mail addresses out of a text.

    Args:
        secrets: values to hide; values under 4 characters are ignored (they would hide ordinary words).
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {secret for secret in secrets if len(secret) >= SHORTEST}
        known |= {quote(secret, safe="") for secret in known}
        self._secrets = sorted(known, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without secrets, bearer tokens and e-mail addresses."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _MAILBOX.sub("[address]", _BEARER.sub(rf"\1 {HIDDEN}", text))
