"""Why a problem cannot be opened or changed."""

from __future__ import annotations

from typing import Literal

from nps_connect.errors import NpsConnectError
from nps_connect.rendering.catalogs import SOURCE_LANGUAGE
from nps_connect.rendering.problem_texts import refusal_text

RefusalCode = Literal[
    "no_title",
    "no_owner",
    "no_day",
    "past_deadline",
    "future_evidence",
    "unknown_fact",
    "unknown_team",
    "invalid_fact",
    "staff",
    "everybody",
    "unknown_theme",
    "unknown_choice",
    "fix_before_opening",
    "far_fix",
    "fix_entered",
    "period_length",
    "texts_deleted",
    "closed",
    "unknown_problem",
]


class ProblemRefused(NpsConnectError):
    """A problem cannot be opened or changed as asked.

    Attributes:
        code: why.
        values: what the sentence names.
    """

    def __init__(self, code: RefusalCode, **values: str) -> None:
        super().__init__(refusal_text(SOURCE_LANGUAGE, code, values))
        self.code, self.values = code, values

    def text(self, language: str) -> str:
        """Return the sentence for people, in a language of the console."""
        return refusal_text(language, self.code, self.values)
