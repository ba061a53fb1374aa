"""Text without case, accents and punctuation, as search and themes compare it. Pure."""

from __future__ import annotations

import re
import unicodedata

LIGATURES = {"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae"}
"""Letters that Unicode does not decompose; the databases replace the same ones, see `ledger.comment_search`."""

_LIGATURES = str.maketrans(LIGATURES)
_SEPARATORS = re.compile(r"[\W_]+")


def fold_text(text: str) -> str:
    """Return a text in lower case without accents and ligatures."""
    decomposed = unicodedata.normalize("NFD", text.translate(_LIGATURES))
    return "".join(char for char in decomposed if not unicodedata.combining(char)).lower()


def split_words(text: str) -> list[str]:
    """Return the folded words of a text: its runs of letters and digits."""
    return [word for word in _SEPARATORS.split(fold_text(text)) if word]
