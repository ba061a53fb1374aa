"""What a survey form holds, and the query of a survey page. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import parse_qs

from nps_connect.rendering.sanitization import sanitize_comment

_SCORE = re.compile(r"10|[0-9]", re.ASCII)
MAX_FIELDS = 50
FOLLOW_UP_PREFIX = "asked."
"""What the names of the fields of further questions begin with."""


@dataclass(frozen=True)
class SurveyForm:
    """A survey form as it was sent.

    Attributes:
        score: 0 to 10, or none where what was sent is not a score.
        comment: cleaned and cut, or none.
        sent: the Send button was pressed, not just a score.
        do_not_contact: the box was ticked.
        language: the language of the page, as sent.
        follow_up: answers to further questions, by their names.
        switch_language: nothing was pressed but the button that shows the page in this language.
    """

    score: int | None = None
    comment: str | None = None
    sent: bool = False
    do_not_contact: bool = False
    language: str | None = None
    follow_up: Mapping[str, str] = field(default_factory=dict)
    switch_language: str | None = None

    def fields(self) -> tuple[tuple[str, str], ...]:
        """The same as fields of a form, to be sent once more."""
        pressed = (("send" if self.sent else "score", "" if self.score is None else str(self.score)),)
        ticked = (("do_not_contact", "1"),) if self.do_not_contact else ()
        asked = ((f"{FOLLOW_UP_PREFIX}{name}", answer) for name, answer in self.follow_up.items())
        return (*pressed, ("comment", self.comment or ""), ("lang", self.language or ""), *ticked, *asked)


@dataclass(frozen=True)
class SurveyQuery:
    """The query of a survey page's address.

    Attributes:
        score: 0 to 10, preselected; none where it is not a score.
        language: asked for by name.
        more: the form for a comment is to be shown.
        pressed: the score was pressed just now, on the page of a test mail, which keeps nothing.
    """

    score: int | None = None
    language: str | None = None
    more: bool = False
    pressed: bool = False


@lru_cache(maxsize=256)
def parse_query(text: bytes) -> SurveyQuery:
    """Read a query; nonsense is an empty one. Links hold few different ones, so they are remembered."""
    fields = _parse_fields(text)
    return SurveyQuery(
        score=parse_score(fields.get("score", [])),
        language=fields.get("lang", [None])[-1],
        more="more" in fields,
        pressed="pressed" in fields,
    )


def parse_score(values: list[str]) -> int | None:
    """Exactly one score, written exactly as we write it; anything else is none, nothing is rounded or trimmed."""
    if len(values) != 1 or not _SCORE.fullmatch(values[0]):
        return None
    return int(values[0])


def parse_form(body: bytes) -> SurveyForm:
    """Read an urlencoded form; nonsense is a form without a score.

    A pressed score arrives as ``parse_score``; the Send button carries the score that it names as ``send``.
    """
    fields = _parse_fields(body)
    return SurveyForm(
        score=parse_score(fields.get("score") or fields.get("send") or []),
        comment=sanitize_comment(fields.get("comment", [""])[0]),
        sent="send" in fields,
        do_not_contact="do_not_contact" in fields,
        language=fields.get("lang", [None])[0],
        follow_up={
            name.removeprefix(FOLLOW_UP_PREFIX): sanitize_comment(values[0]) or ""
            for name, values in fields.items()
            if name.startswith(FOLLOW_UP_PREFIX)
        },
        switch_language=fields.get("switch_language", [None])[0],
    )


def _parse_fields(text: bytes) -> dict[str, list[str]]:
    """The values of each field, in their order; too many fields are nonsense."""
    try:
        return parse_qs(
            text.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="replace"
        )
    except ValueError:
        return {}
