"""``[[routes]]``: which responses lead to which action."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticKnownError

from nps_connect.records.actions import CommentPolicy
from nps_connect.records.base import SEGMENT_BY_SCORE, SEGMENTS, Score, Segment
from nps_connect.settings.base import Language, Name, SettingsTable
from nps_connect.settings.durations import Duration

RoutedAction = Literal["write_score", "invite_review", "open_ticket", "send_alert"]


def parse_segments(value: object) -> object:
    """Return the segments named by a segment, a list or `any`; other values are returned for pydantic to reject."""
    if value == "any" or (isinstance(value, list | tuple) and "any" in value):
        return SEGMENTS
    words = (value,) if isinstance(value, str) else value
    if isinstance(words, list | tuple) and any(isinstance(word, str) and word not in SEGMENTS for word in words):
        raise PydanticKnownError("literal_error", {"expected": ", ".join(repr(word) for word in ("any", *SEGMENTS))})
    return words


_ONE_SEGMENT = {"enum": ["any", *SEGMENTS]}
Segments = Annotated[
    tuple[Segment, ...],
    BeforeValidator(parse_segments),
    WithJsonSchema({"anyOf": [_ONE_SEGMENT, {"type": "array", "items": _ONE_SEGMENT}]}),
]
"""One segment, a list of them, or ``any``."""


ACTION_SPECIFIC_KEYS: dict[str, RoutedAction] = {
    "lead": "invite_review",
    "accept_selective_invitation": "invite_review",
    "weight": "invite_review",
    "comment": "write_score",
}


class Route(SettingsTable):
    """``[[routes]]``: which responses lead to which action.

    Attributes:
        on: `any`, a segment, or a list of segments.
        do: the action.
        via: the connection that performs it (for `invite_review`: the review platform).
        delay: from the response to the action; the default of the action if not given.
        lead: for `invite_review`: `review` (the mail is the invitation) or `help` (thanks and help come first).
        comment: for `write_score`: whether the comment itself, a link, or nothing is written.
        scores: only these scores among those of `on`; empty means all.
        surveys: only responses to these surveys; empty means all.
        touchpoints: only responses about these touchpoints; empty means all.
        languages: only responses in these languages; ``fr`` includes ``fr-CA``; empty means all.
        weight: for `invite_review`, if several platforms are possible: relative share of contacts invited to this one;
            0 means never by mail (the link is still on the thank-you page).
        accept_selective_invitation: the reason for sending a review link to some segments only although the platform
            forbids it.
    """

    on: Segments = Field(min_length=1)
    do: RoutedAction
    via: Name
    delay: Duration | None = None
    lead: Literal["review", "help"] = "review"
    comment: CommentPolicy = "full"
    scores: tuple[Score, ...] = ()
    surveys: tuple[Name, ...] = ()
    touchpoints: tuple[str, ...] = ()
    languages: tuple[Language, ...] = ()
    weight: int = Field(default=1, ge=0, le=1000)
    accept_selective_invitation: str | None = Field(default=None, min_length=10)

    @model_validator(mode="after")
    def _check_keys_apply(self) -> Route:
        for key, action in ACTION_SPECIFIC_KEYS.items():
            if key in self.model_fields_set and self.do != action:
                raise ValueError(f'{key} has no effect here: it belongs to do = "{action}"')
        if not self.accepted_scores:
            raise ValueError(f"takes no answer: none of the scores {list(self.scores)} is in {list(self.on)}")
        return self

    @cached_property
    def accepted_scores(self) -> tuple[int, ...]:
        """The scores that the route applies to."""
        return tuple(
            score for score in range(11) if SEGMENT_BY_SCORE[score] in self.on and score in (self.scores or (score,))
        )
