"""Responses: the score and comment of a contact, and the segment of a score."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nps_connect.records.base import SEGMENT_BY_SCORE, Line, Moment, Record, Score, Segment, Text
from nps_connect.records.contacts import Contact

CollectedBy = Literal["email", "web", "phone", "paper", "kiosk", "import"]
"""How a response was collected: on the survey page (``web``), elsewhere, or by another tool (``import``)."""


_COLLECTION_PHRASES = {"phone": "by phone", "paper": "on paper", "kiosk": "at a kiosk"}


def collection_phrase(collected_by: str) -> str | None:
    """Return how a response was taken elsewhere, such as ``by phone``; None for other ways."""
    return _COLLECTION_PHRASES.get(collected_by)


def segment_of(score: int) -> Segment:
    """Return the segment of a score: promoter 9-10, passive 7-8, detractor 0-6.

    Raises:
        ValueError: the score is not an integer from 0 to 10 (nothing is rounded).
    """
    if type(score) is not int or not 0 <= score <= 10:
        raise ValueError(f"a score is an integer from 0 to 10, not {score!r}")
    return SEGMENT_BY_SCORE[score]


class FollowUpAnswer(Record):
    """The answer to a follow-up question.

    Attributes:
        name: name of the question in the configuration.
        question: text of the question at that time, in the company's language.
        answer: the customer's own words, or the choice.
    """

    name: str
    question: Line
    answer: Text


class Response(Record):
    """A confirmed response, in its newest revision.

    Attributes:
        id: public id, stable over revisions; safe to store at a vendor.
        revision: 1 for the first submission, one more for each change.
        survey: name of the survey in the configuration.
        touchpoint: label of the moment that the survey asks about.
        score: 0 to 10.
        comment: the customer's own words, not escaped, or None.
        language: language of the page that was submitted.
        answered_at: when this revision was submitted (UTC).
        do_not_contact: the customer asked not to be contacted about the response.
        follow_up: answers to follow-up questions.
    """

    id: str
    revision: int = Field(ge=1)
    survey: str
    touchpoint: str
    score: Score
    comment: Text | None = None
    language: str
    answered_at: Moment
    do_not_contact: bool = False
    follow_up: tuple[FollowUpAnswer, ...] = ()

    @property
    def segment(self) -> Segment:
        """The segment of the score."""
        return SEGMENT_BY_SCORE[self.score]


class EarlierResponse(Record):
    """An earlier response of a contact; in lists the newest comes first.

    Attributes:
        score: 0 to 10.
        answered_at: when it was submitted (UTC).
        survey: name of the survey in the configuration.
        touchpoint: label of the moment that the survey asked about.
        comment: the customer's own words, not escaped, or None.
    """

    score: Score
    answered_at: Moment
    survey: str
    touchpoint: str
    comment: Text | None = None


class ContactResponse(Record):
    """A response with its contact and the contact's earlier responses: the subject of most deliveries.

    Attributes:
        contact: the person, at the connection that the hook is called for where they are known there.
        response: the response, in its newest revision.
        history: earlier responses of the person, the newest first; empty for the first one.
    """

    contact: Contact
    response: Response
    history: tuple[EarlierResponse, ...] = ()
