"""`Effect`: one difference between two configurations."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Effect(NamedTuple):
    """One difference in effect.

    Attributes:
        area: what it concerns.
        text: one sentence.
    """

    area: Literal["setting", "connection", "survey", "trigger", "route"]
    text: str


def join_words(words: list[str]) -> str:
    """Return words as people list them: ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
