"""Mask what identifies a person in a text, for readers who may not see it."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASKED_ADDRESS, MASKED_NUMBER, MASKED_NAME = "[address]", "[number]", "[name]"
MIN_NAME_LENGTH = 3
"""Shorter parts of a name, such as initials, occur in other words."""

_ADDRESS = re.compile(r"[^\s<>\"'(),;:\[\]]+@[^\s<>\"'(),;:\[\]]+")
_NUMBER = re.compile(r"(?<![\w.-])(?!\d{4}-\d\d-\d\d\b)\+?\(?\d(?:[ \u00a0\u202f./()-]{0,2}\d){6,}(?!\w)")
"""Seven or more digits, however they are grouped: telephone, account and order numbers, and times."""


def mask_personal_data(text: str, names: Iterable[str] = ()) -> str:
    """Return a text without addresses, long numbers and the given names.

    Args:
        text: in any language.
        names: of the person; each word of at least three letters is masked wherever it stands alone.
    """
    masked = _NUMBER.sub(MASKED_NUMBER, _ADDRESS.sub(MASKED_ADDRESS, text))
    words = {word for name in names for word in re.split(r"[^\w]+", name) if len(word) >= MIN_NAME_LENGTH}
    if not words:
        return masked
    alternatives = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{alternatives})(?!\w)", MASKED_NAME, masked, flags=re.IGNORECASE)
