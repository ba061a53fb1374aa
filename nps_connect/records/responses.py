"""Responses: what a contact answered, and the segment that follows from the score."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nps_connect.records.base import Moment, Record, Score
from nps_connect.records.contacts import Contact

NPS_SCALE = "nps-0-10"
"""The scale of a stored score from which segments and the NPS follow; a score on any other is never mixed in."""

Segment = Literal["promoter", "passive", "detractor"]
SEGMENTS: tuple[Segment, ...] = ("promoter", "passive", "detractor")


def segment_of(score: int) -> Segment:
    """Promoter 9-10, passive 7-8, detractor 0-6.

    Raises:
        ValueError: the score is not an integer from 0 to 10 (nothing is rounded).
    """
    if type(score) is not int or not 0 <= score <= 10:
        raise ValueError(f"a score is an integer from 0 to 10, not {score!r}")
    if score >= 9:
        return "promoter"
    return "passive" if score >= 7 else "detractor"


class FollowUpAnswer(Record):
    """What a customer answered to a further question of the page.

    Attributes:
        name: of the question, in the configuration.
        question: as it stood in the configuration then, in the company's language.
        answer: the customer's own words, or the choice.
    """

    name: str
    question: str
    answer: str


class Response(Record):
    """A confirmed answer, in its newest revision.

    Attributes:
        id: our public id, stable over revisions; safe to store at a vendor.
        revision: 1 for the first confirmed answer, one more for each change.
        survey: name of the survey's definition.
        touchpoint: label of the moment that the survey asks about.
        score: 0 to 10.
        comment: the customer's own words, unescaped, or none.
        language: the language in which the page was answered.
        answered_at: when this revision was confirmed.
        do_not_contact: the customer asked not to be contacted about the answer.
        follow_up: answers to further questions.
    """

    id: str
    revision: int = Field(ge=1)
    survey: str
    touchpoint: str
    score: Score
    comment: str | None = None
    language: str
    answered_at: Moment
    do_not_contact: bool = False
    follow_up: tuple[FollowUpAnswer, ...] = ()

    @property
    def segment(self) -> Segment:
        """The segment of the score."""
        return segment_of(self.score)


class EarlierResponse(Record):
    """One line of a contact's answer history, newest first in lists."""

    score: Score
    answered_at: Moment
    survey: str
    touchpoint: str
    comment: str | None = None


class ContactResponse(Record):
    """A response together with the person who gave it: the subject of most deliveries."""

    contact: Contact
    response: Response
    history: tuple[EarlierResponse, ...] = ()
