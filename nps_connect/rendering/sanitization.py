"""Sanitizes external text: removes control and direction characters, limits its length."""

from __future__ import annotations

import re
import unicodedata

MAX_COMMENT_LENGTH = 5000
MAX_NAME_LENGTH = 80

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Control characters except tab and newline; directional formatting; tag characters; lone surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
_ADDRESS = re.compile(r"://|www\.|@|[a-z0-9]\.[a-z]{2,}/", re.IGNORECASE)


def sanitize_text(text: str) -> str:
    """Return the text in NFC without invisible characters and surrounding spaces, with uniform line ends."""
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))).strip()


def one_line(text: str, max_length: int = 200) -> str:
    """Return the text as a single line for subjects and titles, truncated with an ellipsis."""
    line = re.sub(r"[\t\n ]+", " ", sanitize_text(text))
    return line if len(line) <= max_length else line[: max_length - 1].rstrip() + "…"


def sanitize_comment(text: str | None) -> str | None:
    """Return a customer's comment as stored and shown: at most 5,000 characters; None if empty."""
    if text is None:
        return None
    return sanitize_text(text[: 4 * MAX_COMMENT_LENGTH])[:MAX_COMMENT_LENGTH].rstrip() or None


def sanitize_greeting_name(name: str | None) -> str | None:
    """Return a name for a greeting, or None.

    Anybody can enter a name in a form; one with an address would turn our mail into an advertisement.
    """
    if name is None or _ADDRESS.search(name):
        return None
    return one_line(name, MAX_NAME_LENGTH) or None
