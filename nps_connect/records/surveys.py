"""Surveys as plugins see them, and what plugins may propose or veto."""

from __future__ import annotations

from pydantic import Field

from nps_connect.records.base import Moment, Record, Score


class SurveyView(Record):
    """The part of a survey definition that hooks receive.

    Attributes:
        name: name of the survey in the configuration.
        touchpoint: label of the moment that the survey asks about.
        channel: name of the connection that carries its messages.
    """

    name: str
    touchpoint: str
    channel: str


class ContactHistory(Record):
    """Earlier surveys and confirmed responses of a contact, for filters and hooks.

    Attributes:
        last_surveyed_at: when the last survey was decided (UTC); None if the person was never asked.
        last_score: score of the last confirmed response, 0 to 10.
        last_answered_at: when it was submitted (UTC).
        answers: number of confirmed responses.
    """

    last_surveyed_at: Moment | None = None
    last_score: Score | None = None
    last_answered_at: Moment | None = None
    answers: int = Field(default=0, ge=0)


class SurveyProposal(Record):
    """A plugin's proposal to send a survey because of an event; cooldown and suppression still apply.

    Attributes:
        survey: name of the survey in the configuration.
        reason: one sentence for ``explain``.
    """

    survey: str
    reason: str


class Veto(Record):
    """A plugin's refusal of a survey, shown by ``explain``.

    Attributes:
        reason: one sentence for people, without personal data.
    """

    reason: str = Field(min_length=1)
