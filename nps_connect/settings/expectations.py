"""``[[expect]]``: what must follow from an event or a response; ``doctor prove`` compares it with what would follow."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

from pydantic import Field, model_validator

from nps_connect.records.base import Score
from nps_connect.settings.base import Language, Name, SettingsTable
from nps_connect.settings.triggers import EVENT_KIND_PATTERN

NO_SURVEY = "none"
"""Value of `Expectation.survey` for an event that leads to no survey."""

ACTION_PATTERN = r"^(write_score|invite_review|open_ticket|send_alert) via [a-z][a-z0-9-]{0,39}$"

ExpectedAction = Annotated[str, Field(pattern=ACTION_PATTERN)]


class Expectation(SettingsTable):
    """``[[expect]]``: what must follow from an event, from a response, or from a response to the survey of an event.

    Attributes:
        on: kind of event; without it, only the response is looked at.
        source: connection that sends it (written ``from``).
        fields: fields of the event, as filters see them; those that are not given are missing.
        language: of the contact; the company's first if not given.
        survey: the survey that the event leads to, or ``none``; without an event, the survey of the response.
        touchpoint: of the response; the survey's, or that of the trigger, if not given.
        score: score of the response; without it, only the survey is looked at.
        actions: what the response leads to, in any order, such as ``open_ticket via helpdesk``; empty means nothing.
    """

    on: Annotated[str, Field(pattern=EVENT_KIND_PATTERN)] | None = None
    source: Name | None = Field(default=None, alias="from")
    fields: dict[str, str | int | float | bool] = Field(default_factory=dict)
    language: Language | None = None
    survey: Name
    touchpoint: str | None = Field(default=None, max_length=80)
    score: Score | None = None
    actions: tuple[ExpectedAction, ...] = ()

    @model_validator(mode="after")
    def _check_parts(self) -> Expectation:
        if (self.on is None) != (self.source is None):
            raise ValueError("on and from belong together: the kind of event, and the connection that sends it")
        if self.on is None and (self.score is None or self.survey == NO_SURVEY):
            raise ValueError("names neither an event (on, from) nor a response (survey, score)")
        if (self.score is not None) != ("actions" in self.model_fields_set):
            raise ValueError("score and actions belong together: the score of a response, and what it leads to")
        if self.survey == NO_SURVEY and self.score is not None:
            raise ValueError("an event without a survey has no response: remove score and actions")
        return self

    @cached_property
    def label(self) -> str:
        """The expectation for people, such as ``deal.won from crm (amount = 50)``."""
        listed = ", ".join(f"{name} = {value!r}" for name, value in self.fields.items())
        event = f"{self.on} from {self.source}" + (f" ({listed})" if listed else "") if self.on else ""
        response = f"a response of {self.score} to {self.survey}" if self.score is not None else ""
        return ", then ".join(part for part in (event, response) if part)
