"""Surveys as plugins see them, and what plugins may propose or veto."""

from __future__ import annotations

from pydantic import Field

from nps_connect.records.base import Moment, Record, Score


class SurveyView(Record):
    """The part of a survey definition that hooks receive."""

    name: str
    touchpoint: str
    channel: str


class ContactHistory(Record):
    """Earlier surveys and confirmed responses of a contact, for filters and hooks."""

    last_surveyed_at: Moment | None = None
    last_score: Score | None = None
    last_answered_at: Moment | None = None
    answers: int = Field(default=0, ge=0)


class SurveyProposal(Record):
    """A plugin's proposal to send a survey because of an event; cooldown and suppression still apply."""

    survey: str
    reason: str


class Veto(Record):
    """A plugin's refusal of a survey, shown by ``explain``."""

    reason: str = Field(min_length=1)
