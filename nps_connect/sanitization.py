"""Sanitizes text from outside, where it enters and where it leaves: characters that act instead of showing are removed.

Records sanitize the texts that plugins hand in and that deliveries carry out, forms and imports what customers wrote,
and the command line everything it prints.
"""

from __future__ import annotations

import re
import sys
import unicodedata

MAX_COMMENT_LENGTH = 5000
MAX_NAME_LENGTH = 80

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Control characters except tab and newline; bidirectional controls (Bidi_Control) and deprecated format characters;
# byte order mark; interlinear annotations; lone surrogates; tags. Joiners stay: emoji and several scripts need them.
CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_SPACES = re.compile(r"[\t\n ]+")
_ADDRESS = re.compile(r"://|www\.|@|[a-z0-9]\.[a-z]{2,}/", re.IGNORECASE)
# What no mailbox precedes, and what mentions a whole channel even inside a mailbox.
_MENTION = re.compile(r"(?<![\w.+-])@|@(?=(?:all|channel|everyone|here|room)\b)", re.IGNORECASE)
_FULLWIDTH_AT = "\uff20"
_DOMAIN_DOT = re.compile(r"(?<=\w)\.(?=[^\W\d_]{2,})")


def remove_control_characters(text: str) -> str:
    """Return the text with uniform line ends, without control, bidirectional and tag characters."""
    return CONTROL_CHARACTERS.sub("", _LINE_ENDS.sub("\n", text))


def sanitize_text(text: str) -> str:
    """Return the text as `remove_control_characters` does, in NFC, without surrounding spaces."""
    return unicodedata.normalize("NFC", CONTROL_CHARACTERS.sub("", _LINE_ENDS.sub("\n", text))).strip()


def one_line(text: str, max_length: int = 200) -> str:
    """Return the text as a single line for subjects and titles, truncated with an ellipsis."""
    line = _SPACES.sub(" ", sanitize_text(text))
    return line if len(line) <= max_length else line[: max_length - 1].rstrip() + "…"


def sanitize_line(text: str) -> str:
    """Return the whole text as a single line."""
    return one_line(text, sys.maxsize)


def sanitize_comment(text: str | None) -> str | None:
    """Return a customer's comment as stored and shown: at most 5,000 characters; None if empty."""
    if text is None:
        return None
    return sanitize_text(text[: 4 * MAX_COMMENT_LENGTH])[:MAX_COMMENT_LENGTH].rstrip() or None


def sanitize_greeting_name(name: str | None) -> str | None:
    """Return a name for a greeting, or None.

    Anybody can enter a name in a form; one with an address would turn our mail into an advertisement.
    """
    line = one_line(name or "", MAX_NAME_LENGTH)
    return line if line and not _ADDRESS.search(line) else None


def disarm_mentions(text: str) -> str:
    """Return the text so that a chat service notifies nobody of it: ``@everyone``, ``<!channel>`` and the like.

    The @ of a mailbox stays, so that staff can write to it.
    """
    return _MENTION.sub(_FULLWIDTH_AT, text).replace("<", "‹").replace(">", "›")


def disarm_links(text: str) -> str:
    """Return the text so that no program turns an address in it into a link: ``https[:]//www[.]example[.]com``."""
    return _DOMAIN_DOT.sub("[.]", text.replace("://", "[:]//"))
