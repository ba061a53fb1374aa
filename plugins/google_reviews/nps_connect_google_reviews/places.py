"""Places on Google: by place id, or by the review address from the Business Profile. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

DEFAULT_ORIGIN = "https://search.google.com"
ALLOWED_HOSTS = frozenset({"g.page", "search.google.com", "www.google.com", "google.com", "maps.google.com"})
_PLACE_ID = re.compile(r"[A-Za-z0-9_-]{10,300}")


def validate_place_id(text: str) -> str:
    """Return a place id without surrounding blanks.

    Raises:
        ValueError: it has characters or a length that no place id has.
    """
    text = text.strip()
    if not _PLACE_ID.fullmatch(text):
        raise ValueError("not a place id: those have letters, digits, - and _ only, and mostly begin with ChIJ")
    return text


def validate_review_url(text: str) -> str:
    """Return a Google review address without surrounding blanks.

    Raises:
        ValueError: another scheme or host, or an address that cannot be a review page.
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("not an address: its host or port cannot be read") from None
    if parts.scheme != "https":
        raise ValueError("must begin with https://")
    if parts.hostname not in ALLOWED_HOSTS or port not in {None, 443} or parts.username is not None:
        raise ValueError(f"not Google's: the host must be one of {', '.join(sorted(ALLOWED_HOSTS))}")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("contains characters that an address cannot have")
    if parts.path in {"", "/"}:
        raise ValueError("is not a review page: copy the link of 'Ask for reviews' in your Business Profile")
    return text


def validate_place(text: str) -> str:
    """Return a place id or a review address without surrounding blanks.

    Raises:
        ValueError: neither.
    """
    return validate_review_url(text) if "://" in text else validate_place_id(text)


def build_review_url(place: str, base_url: str | None = None) -> str:
    """Return the public page on which a person writes a review of a place.

    Args:
        place: a validated place id or review address.
        base_url: replaces the origin, for sandboxes.
    """
    origin = (base_url or DEFAULT_ORIGIN).rstrip("/")
    if "://" not in place:
        return f"{origin}/local/writereview?placeid={quote(place, safe='')}"
    if base_url is None:
        return place
    parts = urlsplit(place)
    return f"{origin}{parts.path}" + (f"?{parts.query}" if parts.query else "")
