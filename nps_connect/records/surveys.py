"""Surveys as plugins see them, and what plugins may propose or refuse."""

from __future__ import annotations

from pydantic import Field

from nps_connect.records.base import Moment, Record, Score


class SurveyView(Record):
    """The part of a survey definition that hooks may look at."""

    name: str
    touchpoint: str
    channel: str


class ContactHistory(Record):
    """What we know of a contact's past with us, for filters and vetoes."""

    last_surveyed_at: Moment | None = None
    last_score: Score | None = None
    last_answered_at: Moment | None = None
    answers: int = Field(default=0, ge=0)


class SurveyProposal(Record):
    """A plugin's wish that this event lead to this survey. The core's cooldown and suppression decide last."""

    survey: str
    reason: str


class Veto(Record):
    """A plugin's refusal, shown in ``explain``."""

    reason: str = Field(min_length=1)
