"""French typography for operators' texts: non-breaking spaces before punctuation. Pure."""

from __future__ import annotations

import re

NARROW, WIDE = "\u202f", "\u00a0"
# Punctuation counts only at the end of a word: not in a URL or a smiley.
_END = r"(?=$|[\s)\]»”’\"'])"
_RULES = (
    (re.compile(rf" +(?=[;!?]+{_END})", re.ASCII), NARROW),
    (re.compile(rf" +(?=:{_END})", re.ASCII), WIDE),
    (re.compile(" +(?=»)"), WIDE),
    (re.compile("(?<=«) +"), WIDE),
)


def typeset(text: str, language: str) -> str:
    """Return French text with non-breaking spaces, so that no line begins with punctuation; other languages unchanged.

    Only existing spaces are replaced: before ``; ! ? : »`` and after ``«``. None is added.

    Args:
        text: as the operator wrote it.
        language: of the text.
    """
    if language.partition("-")[0] != "fr":
        return text
    for spaces, replacement in _RULES:
        text = spaces.sub(replacement, text)
    return text
