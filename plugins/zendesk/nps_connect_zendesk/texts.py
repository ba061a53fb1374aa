"""Making texts safe for Zendesk: placeholders that it would expand, tags, subjects and lengths."""

from __future__ import annotations

import re
import unicodedata

MAX_SUBJECT_LENGTH = 150
"""Characters of a subject. Zendesk's own limit is higher; longer ones are cut in its lists anyway."""

MAX_BODY_BYTES = 60_000
"""Bytes of a comment; Zendesk takes 64 KiB."""

MAX_VALUE_LENGTH = 2_000
"""Characters of a custom field or a user field."""

MAX_TAG_LENGTH = 80
_OPENING = re.compile(r"\{(?=[{%])")
_NOT_IN_TAGS = re.compile(r"[^\w:/-]+")


def escape_placeholders(text: str) -> str:
    """The text with ``{{`` and ``{%`` parted by a space, so that Zendesk expands nothing in a customer's words."""
    return _OPENING.sub("{ ", text)


def one_line(text: str) -> str:
    """The text on one line, without control characters."""
    return " ".join("".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in text).split())


def subject_of(text: str) -> str:
    """A ticket's subject: one line, cut at a safe length, never empty."""
    line = one_line(escape_placeholders(text)) or "NPS"
    return line if len(line) <= MAX_SUBJECT_LENGTH else f"{line[: MAX_SUBJECT_LENGTH - 1].rstrip()}…"


def body_of(text: str) -> str:
    """A comment's body: cut on a character boundary, never empty."""
    safe = escape_placeholders(text.replace("\x00", ""))
    raw = safe.encode("utf-8", "replace")
    if len(raw) > MAX_BODY_BYTES:
        safe = raw[: MAX_BODY_BYTES - 8].decode("utf-8", "ignore") + " […]"
    return safe if safe.strip() else "-"


def value_of(text: str) -> str:
    """A custom field's value."""
    return escape_placeholders(text.replace("\x00", ""))[:MAX_VALUE_LENGTH]


def tag_of(text: str) -> str:
    """A tag as Zendesk keeps it: lower case, without spaces; empty if nothing is left."""
    return _NOT_IN_TAGS.sub("_", text.strip().lower()).strip("_")[:MAX_TAG_LENGTH]


def tags_of(*groups: tuple[str, ...]) -> list[str]:
    """All tags, each once, in order."""
    return list(dict.fromkeys(tag for group in groups for tag in map(tag_of, group) if tag))
