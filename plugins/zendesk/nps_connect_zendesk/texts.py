"""Conversion of texts for Zendesk: placeholders, tags, subjects and lengths."""

from __future__ import annotations

import re

from nps_connect import one_line

MAX_SUBJECT_LENGTH = 150
"""Maximum characters of a subject. Zendesk's own limit is higher, but its lists cut longer ones."""

MAX_BODY_BYTES = 60_000
"""Maximum bytes of a comment; Zendesk accepts 64 KiB."""

MAX_VALUE_LENGTH = 2_000
"""Maximum characters of a custom field or user field."""

MAX_TAG_LENGTH = 80
_OPENING = re.compile(r"\{(?=[{%])")
_NOT_IN_TAGS = re.compile(r"[^\w:/-]+")


def escape_placeholders(text: str) -> str:
    """Return the text with ``{{`` and ``{%`` split by a space, so that Zendesk expands no placeholder in it."""
    return _OPENING.sub("{ ", text)


def subject_of(text: str) -> str:
    """Return a ticket's subject: one line, truncated, never empty."""
    return one_line(escape_placeholders(text), MAX_SUBJECT_LENGTH) or "NPS"


def body_of(text: str) -> str:
    """Return a comment's body: truncated at a character boundary, never empty."""
    safe = escape_placeholders(text)
    raw = safe.encode("utf-8", "replace")
    if len(raw) > MAX_BODY_BYTES:
        safe = raw[: MAX_BODY_BYTES - 8].decode("utf-8", "ignore") + " […]"
    return safe if safe.strip() else "-"


def value_of(text: str) -> str:
    """Return the value of a custom field."""
    return escape_placeholders(text)[:MAX_VALUE_LENGTH]


def tag_of(text: str) -> str:
    """Return a tag in Zendesk's form: lower case, without spaces; empty if nothing remains."""
    return _NOT_IN_TAGS.sub("_", text.strip().lower()).strip("_")[:MAX_TAG_LENGTH]


def tags_of(*groups: tuple[str, ...]) -> list[str]:
    """Return all tags, each once, in order."""
    return list(dict.fromkeys(tag for group in groups for tag in map(tag_of, group) if tag))
