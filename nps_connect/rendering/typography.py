"""French spaces in texts that operators write with an ordinary keyboard. Pure."""

from __future__ import annotations

import re

NARROW, WIDE = "\u202f", "\u00a0"
# A sign only counts where a word could not go on behind it: neither in an address nor in a smiley.
_END = r"(?=$|[\s)\]»”’\"'])"
_RULES = (
    (re.compile(rf" +(?=[;!?]+{_END})", re.ASCII), NARROW),
    (re.compile(rf" +(?=:{_END})", re.ASCII), WIDE),
    (re.compile(" +(?=»)"), WIDE),
    (re.compile("(?<=«) +"), WIDE),
)


def typeset(text: str, language: str) -> str:
    """The text so that no line begins with a lonely sign, as French asks for; other languages are left alone.

    Only spaces are exchanged: those before ``; ! ? : »`` and behind ``«``. None is added.

    Args:
        text: as the operator wrote it.
        language: that it is written in.
    """
    if language.partition("-")[0] != "fr":
        return text
    for spaces, fitting in _RULES:
        text = spaces.sub(fitting, text)
    return text
