"""The customer's own words on their way into HubSpot: cut on a character boundary, harmless as HTML and in exports.

Limits: 65,536 characters per text property and per note (https://developers.hubspot.com/docs/api-reference/
crm-notes-v3/guide), counted here in UTF-16 units as HubSpot's runtime counts, which never allows more than it does.
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
"""Code points to go back at most in search of a character's start."""


def truncate(text: str, limit: int = MAX_TEXT_LENGTH) -> str:
    """The text, at most `limit` UTF-16 units long and never cut within a character; then it ends with an ellipsis.

    A text that a spreadsheet would take for a formula gets an apostrophe in front, because contacts are exported.
    """
    guarded = f"'{text}" if text.startswith(_FORMULA) else text
    return _fit_length(guarded, limit)


def to_html(text: str, limit: int) -> str:
    """The text as HTML, escaped, line ends kept, at most `limit` UTF-16 units long without a broken entity."""
    room = limit
    while True:
        escaped = html.escape(_fit_length(text, room)).replace("\r\n", "\n").replace("\n", "<br>")
        over = _utf16_length(escaped) - limit
        if over <= 0:
            return escaped
        # An entity takes up to six units for one character, so this ends after a few rounds.
        room = max(0, min(room, _utf16_length(text)) - max(1, over // 6))


def _fit_length(text: str, limit: int) -> str:
    if _utf16_length(text) <= limit:
        return text
    room = limit - _utf16_length(ELLIPSIS)
    if room < 0:
        return ""
    end = len(text.encode("utf-16-le", "surrogatepass")[: room * 2].decode("utf-16-le", "ignore"))
    for place in range(end, max(0, end - MAX_CLUSTER_LENGTH), -1):
        if not _extends_cluster(text[place]) and text[place - 1] != ZERO_WIDTH_JOINER:
            end = place
            break
    return text[:end] + ELLIPSIS


def _extends_cluster(character: str) -> bool:
    """The character belongs to the one before it: an accent of its own, a skin tone, a joined emoji."""
    return (
        unicodedata.combining(character) > 0
        or character in (ZERO_WIDTH_JOINER, EMOJI_VARIATION_SELECTOR)
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


def _utf16_length(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)
