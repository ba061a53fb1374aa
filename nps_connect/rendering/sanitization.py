"""Making text from outside safe to show: no control characters, no direction tricks, no endless length."""

from __future__ import annotations

import re
import unicodedata

MAX_COMMENT_LENGTH = 5000
MAX_NAME_LENGTH = 80

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Controls but tab and newline; embeddings, overrides and isolates of direction; tag characters; lone surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
_ADDRESS = re.compile(r"://|www\.|@|[a-z0-9]\.[a-z]{2,}/", re.IGNORECASE)


def sanitize_text(text: str) -> str:
    """The text without invisible characters, its line ends made equal, without blanks around it."""
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))).strip()


def one_line(text: str, longest: int = 200) -> str:
    """The text as a single line for subjects and titles, cut with an ellipsis where too long."""
    line = re.sub(r"[\t\n ]+", " ", sanitize_text(text))
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def sanitize_comment(text: str | None) -> str | None:
    """A customer's comment as it may be stored and shown: at most 5,000 characters; an empty one is none."""
    if text is None:
        return None
    return sanitize_text(text[: 4 * MAX_COMMENT_LENGTH])[:MAX_COMMENT_LENGTH].rstrip() or None


def sanitize_greeting_name(name: str | None) -> str | None:
    """A name as a greeting may use it, or none.

    Names come from forms that anybody can fill in. One that holds an address would turn our mail into an advertisement.
    """
    if name is None or _ADDRESS.search(name):
        return None
    return one_line(name, MAX_NAME_LENGTH) or None
