"""French typography and elision for texts with operators' words. Pure."""

from __future__ import annotations

import re
import unicodedata

from markupsafe import escape

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


def elide_company(text: str, company: str, language: str) -> str:
    """Replace "de" by "d’" before a company name that begins with a vowel, in French plain text or HTML.

    Args:
        text: the rendered text.
        company: the name, unescaped.
        language: of the text.
    """
    initial = unicodedata.normalize("NFD", company[:1]).casefold()[:1]
    if language.partition("-")[0] != "fr" or initial not in set("aeiou"):
        return text
    for name in (company, str(escape(company))):
        text = text.replace(f" de {name}", f" d’{name}")
    return text
