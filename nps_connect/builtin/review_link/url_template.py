"""URLs with placeholders. Pure."""

from __future__ import annotations

import string
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

PLACEHOLDERS = frozenset({"location", "language"})
"""Allowed placeholders. None concerns a person: review platforms learn nothing about the customer."""


def find_placeholders(template: str) -> frozenset[str]:
    """Return the placeholders in a template.

    Raises:
        ValueError: unknown placeholder or unbalanced braces.
    """
    if "{{" in template or "}}" in template:
        raise ValueError("has double braces; percent-encode a brace that belongs to the address")
    try:
        fields = [(name, spec, conversion) for _, name, spec, conversion in string.Formatter().parse(template)]
    except ValueError:
        raise ValueError("has unbalanced braces") from None
    used = set()
    for name, spec, conversion in fields:
        if name is None:
            continue
        if name not in PLACEHOLDERS or spec or conversion:
            allowed = " and ".join(f"{{{placeholder}}}" for placeholder in sorted(PLACEHOLDERS))
            raise ValueError(f"has an unknown placeholder; allowed: {allowed} (no personal data)")
        used.add(name)
    return frozenset(used)


def validate_template(text: str) -> str:
    """Validate a template and return it trimmed.

    Raises:
        ValueError: not an HTTPS URL, or a placeholder in the wrong position.
    """
    text = text.strip()
    used = find_placeholders(text)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("contains characters that are not allowed in a URL; percent-encode them")
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("not a valid URL: host or port is invalid") from None
    if parts.scheme != "https":
        raise ValueError("must begin with https://")
    if "." not in host or parts.username is not None:
        raise ValueError("must name the platform's host, such as https://directory.example.com/...")
    if "{" in parts.netloc:
        raise ValueError("placeholders are allowed only after the host: in the host they could send customers anywhere")
    if parts.path in {"", "/"} and not parts.query and not used:
        raise ValueError("is the platform's home page; enter the URL of your own review page")
    return text


def fill_template(template: str, values: Mapping[str, str], base_url: str | None = None) -> str:
    """Return the URL with percent-encoded values in place of the placeholders.

    Args:
        template: a validated template.
        values: by placeholder.
        base_url: replaces scheme and host, for sandboxes.
    """
    address = template.format_map({name: quote(value, safe="") for name, value in values.items()})
    if base_url is None:
        return address
    parts = urlsplit(address)
    return f"{base_url.rstrip('/')}{parts.path}" + (f"?{parts.query}" if parts.query else "")
