"""Conversion of the customer's text for HubSpot: cut at a character boundary, safe as HTML and in exports.

Limits: 65,536 characters per text property and per note (https://developers.hubspot.com/docs/api-reference/
crm-notes-v3/guide), counted here in UTF-16 units like HubSpot's runtime, which never allows more than HubSpot does.
"""

from __future__ import annotations

import html
import unicodedata

MAX_TEXT_LENGTH = 65_536
ELLIPSIS = "…"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
ZERO_WIDTH_JOINER = "\u200d"
EMOJI_VARIATION_SELECTOR = "\ufe0f"
MAX_CLUSTER_LENGTH = 32
"""Maximum number of code points to go back to find the start of a character."""


def truncate(text: str, limit: int = MAX_TEXT_LENGTH) -> str:
    """Return the text with at most `limit` UTF-16 units, never cut within a character; a cut ends with an ellipsis.

    A text that a spreadsheet would run as a formula gets a leading apostrophe, because contacts are exported.
    """
    escaped = f"'{text}" if text.startswith(_FORMULA) else text
    return _fit_length(escaped, limit)


def to_html(text: str, limit: int) -> str:
    """Return the text as escaped HTML with line breaks, at most `limit` UTF-16 units, without a broken entity."""
    available = limit
    while True:
        escaped = html.escape(_fit_length(text, available)).replace("\r\n", "\n").replace("\n", "<br>")
        excess = _utf16_length(escaped) - limit
        if excess <= 0:
            return escaped
        # An entity takes up to six units for one character, so this ends after a few rounds.
        available = max(0, min(available, _utf16_length(text)) - max(1, excess // 6))


def _fit_length(text: str, limit: int) -> str:
    if _utf16_length(text) <= limit:
        return text
    available = limit - _utf16_length(ELLIPSIS)
    if available < 0:
        return ""
    end = len(text.encode("utf-16-le", "surrogatepass")[: available * 2].decode("utf-16-le", "ignore"))
    for index in range(end, max(0, end - MAX_CLUSTER_LENGTH), -1):
        if not _extends_cluster(text[index]) and text[index - 1] != ZERO_WIDTH_JOINER:
            end = index
            break
    return text[:end] + ELLIPSIS


def _extends_cluster(character: str) -> bool:
    """Return whether the character belongs to the one before it: a combining accent, a skin tone, a joined emoji."""
    return (
        unicodedata.combining(character) > 0
        or character in (ZERO_WIDTH_JOINER, EMOJI_VARIATION_SELECTOR)
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


def _utf16_length(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)
