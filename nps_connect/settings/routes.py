"""``[[routes]]``: which responses lead to which action."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticKnownError

from nps_connect.records.base import Score
from nps_connect.records.deliveries import CommentPolicy
from nps_connect.records.responses import SEGMENTS, Segment, segment_of
from nps_connect.settings.base import Language, Name, SettingsTable
from nps_connect.settings.durations import Duration

RoutedAction = Literal["write_score", "invite_review", "open_ticket", "send_alert"]


def parse_segments(value: object) -> object:
    """A segment, a list of segments or `any` as the segments that are meant; other values for pydantic to refuse."""
    if value == "any" or (isinstance(value, list | tuple) and "any" in value):
        return SEGMENTS
    words = (value,) if isinstance(value, str) else value
    if isinstance(words, list | tuple) and any(isinstance(word, str) and word not in SEGMENTS for word in words):
        raise PydanticKnownError("literal_error", {"expected": ", ".join(repr(word) for word in ("any", *SEGMENTS))})
    return words


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
        via: the connection that carries it out (for `invite_review`: the review platform).
        delay: from the answer to the action; the action's settling time if not given.
        lead: for `invite_review`: `review` (the mail is the invitation) or `help` (thanks and help first).
        comment: for `write_score`: whether the comment itself, a link, or nothing is written.
        scores: only these scores among those of `on`; empty = all.
        surveys: only answers to these surveys; empty = all.
        touchpoints: only answers about these moments; empty = all.
        languages: only answers given in these languages; ``fr`` takes ``fr-CA`` too; empty = all.
        weight: for `invite_review`, where several platforms are open to a person: the share of people who are asked
            for this one; 0 = never by mail (the link is still on the thank-you page).
        accept_selective_invitation: the written reason for sending a review link to some segments only, where the
            platform's policy forbids it.
    """

    on: Annotated[tuple[Segment, ...], BeforeValidator(parse_segments)] = Field(min_length=1)
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
    def _nothing_without_effect(self) -> Route:
        for key, action in ACTION_SPECIFIC_KEYS.items():
            if key in self.model_fields_set and self.do != action:
                raise ValueError(f'{key} has no effect here: it belongs to do = "{action}"')
        if not self.accepted_scores:
            raise ValueError(f"takes no answer: none of the scores {list(self.scores)} is in {list(self.on)}")
        return self

    @cached_property
    def accepted_scores(self) -> tuple[int, ...]:
        """Return the scores that the route matches."""
        return tuple(
            score for score in range(11) if segment_of(score) in self.on and score in (self.scores or (score,))
        )
