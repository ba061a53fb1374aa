"""Parses the survey form and the query of a survey page. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import parse_qs

from nps_connect.records.pages import Submission
from nps_connect.sanitization import sanitize_comment

_SCORE = re.compile(r"10|[0-9]", re.ASCII)
MAX_FIELDS = 50
MAX_CACHED_QUERY_BYTES = 100
FOLLOW_UP_PREFIX = "asked."
"""Prefix of the field names of follow-up questions."""


@dataclass(frozen=True)
class SurveyForm:
    """A survey form as submitted.

    Attributes:
        score: 0 to 10; None if the submitted value is not a score.
        comment: sanitized and truncated, or None.
        sent: the Send button was pressed, not a score button.
        do_not_contact: the box was ticked.
        language: the language of the page.
        follow_up: answers to follow-up questions, by question name.
        switch_language: the page is only to be shown in this language; nothing is submitted.
    """

    score: int | None = None
    comment: str | None = None
    sent: bool = False
    do_not_contact: bool = False
    language: str | None = None
    follow_up: Mapping[str, str] = field(default_factory=dict)
    switch_language: str | None = None

    def submission(self, language: str) -> Submission:
        """Build the record to store, for a form with a score."""
        return Submission.model_validate(
            {
                "score": self.score,
                "comment": self.comment,
                "is_final": self.sent,
                "do_not_contact": self.do_not_contact,
                "language": language,
                "follow_up": self.follow_up,
            }
        )

    def fields(self) -> tuple[tuple[str, str], ...]:
        """Return the form as name-value pairs, to submit it again."""
        button = (("send" if self.sent else "score", "" if self.score is None else str(self.score)),)
        checkbox = (("do_not_contact", "1"),) if self.do_not_contact else ()
        answers = ((f"{FOLLOW_UP_PREFIX}{name}", answer) for name, answer in self.follow_up.items())
        return (*button, ("comment", self.comment or ""), ("lang", self.language or ""), *checkbox, *answers)


@dataclass(frozen=True)
class SurveyQuery:
    """The query of a survey page's address.

    Attributes:
        score: 0 to 10, preselected; None if the value is not a score.
        language: requested by name.
        more: show the comment form.
        pressed: on the page of a test mail, which stores nothing: the score has just been submitted.
    """

    score: int | None = None
    language: str | None = None
    more: bool = False
    pressed: bool = False


def parse_query(text: bytes) -> SurveyQuery:
    """Parse a query; invalid input yields an empty one. Those of our links, which are few and short, are cached."""
    return _parse_short_query(text) if len(text) <= MAX_CACHED_QUERY_BYTES else _parse_query(text)


@lru_cache(maxsize=256)
def _parse_short_query(text: bytes) -> SurveyQuery:
    return _parse_query(text)


def _parse_query(text: bytes) -> SurveyQuery:
    fields = _parse_fields(text)
    return SurveyQuery(
        score=parse_score(fields.get("score", [])),
        language=fields.get("lang", [None])[-1],
        more="more" in fields,
        pressed="pressed" in fields,
    )


def parse_score(values: list[str]) -> int | None:
    """Return the score if there is exactly one value in canonical form; nothing is rounded or trimmed."""
    if len(values) != 1 or not _SCORE.fullmatch(values[0]):
        return None
    return int(values[0])


def parse_form(body: bytes) -> SurveyForm:
    """Parse an urlencoded form; invalid input yields a form without a score.

    A score button arrives as ``score``; the Send button carries the score in its label as ``send``.
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
    """Return the values of each field, in order; a form with too many fields is treated as empty."""
    try:
        return parse_qs(
            text.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="replace"
        )
    except ValueError:
        return {}
