"""Addresses with placeholders. Pure."""

from __future__ import annotations

import string
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

PLACEHOLDERS = frozenset({"location", "language"})
"""What may be filled in. Nothing of a person: review platforms are told nothing about who comes."""


def find_placeholders(template: str) -> frozenset[str]:
    """The placeholders that a template uses.

    Raises:
        ValueError: an unknown placeholder, or braces that do not fit.
    """
    if "{{" in template or "}}" in template:
        raise ValueError("has double braces; percent-encode a brace that belongs to the address")
    try:
        fields = [(name, spec, conversion) for _, name, spec, conversion in string.Formatter().parse(template)]
    except ValueError:
        raise ValueError("has a brace without its other half") from None
    used = set()
    for name, spec, conversion in fields:
        if name is None:
            continue
        if name not in PLACEHOLDERS or spec or conversion:
            allowed = " and ".join(f"{{{known}}}" for known in sorted(PLACEHOLDERS))
            raise ValueError(f"has a placeholder that cannot be filled in; allowed: {allowed} (nothing of a person)")
        used.add(name)
    return frozenset(used)


def validate_template(text: str) -> str:
    """A template, trimmed.

    Raises:
        ValueError: not an HTTPS address, or with placeholders where they must not be.
    """
    text = text.strip()
    used = find_placeholders(text)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("holds characters that an address cannot have; percent-encode them")
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("not an address: its host or port cannot be read") from None
    if parts.scheme != "https":
        raise ValueError("must begin with https://")
    if "." not in host or parts.username is not None:
        raise ValueError("must name the platform's host, such as https://directory.example.com/...")
    if "{" in parts.netloc:
        raise ValueError("a placeholder in the host could send customers anywhere; use it after the host only")
    if parts.path in {"", "/"} and not parts.query and not used:
        raise ValueError("is the platform's front page; give the address of your own review page")
    return text


def fill_template(template: str, values: Mapping[str, str], base_url: str | None = None) -> str:
    """The address with its placeholders filled in, percent-encoded.

    Args:
        template: a checked template.
        values: by placeholder.
        base_url: replaces scheme and host, for sandboxes.
    """
    address = template.format_map({name: quote(value, safe="") for name, value in values.items()})
    if base_url is None:
        return address
    parts = urlsplit(address)
    return f"{base_url.rstrip('/')}{parts.path}" + (f"?{parts.query}" if parts.query else "")
