"""``[surveys.<name>]``: what is asked, when, and what follows."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from nps_connect.records.responses import Segment
from nps_connect.settings.base import Language, Name, SettingsTable
from nps_connect.settings.durations import Duration
from nps_connect.settings.routes import parse_segments

Choice = Annotated[str, Field(min_length=1, max_length=120)]
Question = Annotated[str, Field(min_length=1, max_length=300)]
Signature = Annotated[str, Field(min_length=1, max_length=120)]


class FollowUp(SettingsTable):
    """``[[surveys.<name>.follow_ups]]``: a further question on the page, for some segments.

    Attributes:
        name: under which the answer is kept.
        on: `any`, a segment, or a list of segments: who is asked.
        question: in each of `core.languages`.
        choices: in each of them, as many and in the same order in each; none = a free text is asked for.
    """

    name: Name
    on: Annotated[tuple[Segment, ...], BeforeValidator(parse_segments)] = Field(min_length=1)
    question: dict[Language, Question] = Field(min_length=1)
    choices: dict[Language, tuple[Choice, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _alike_in_every_language(self) -> FollowUp:
        if self.choices and set(self.choices) != set(self.question):
            raise ValueError("question and choices are not in the same languages")
        if len({len(choices) for choices in self.choices.values()}) > 1:
            raise ValueError("there are not as many choices in every language")
        if any(len(set(choices)) < max(len(choices), 2) for choices in self.choices.values()):
            raise ValueError("a list of choices needs at least two, each of them different")
        return self


class Survey(SettingsTable):
    """``[surveys.<name>]``: a definition.

    Attributes:
        channel: connection that carries the mail.
        touchpoint: label of the moment asked about; the survey's name if not given.
        question: in each of `core.languages`; the standard NPS question if not given.
        language: for people whose language is not known or not on offer; the company's own if not given.
        signed_by: who asks, at the end of the mail, such as ``Claire Dupont, customer care``, or as a table in each of
            `core.languages`; the company if not given.
        expires_after: how long the personal link takes answers: from the mail to the end of the last day, in the
            company's time zone.
        reminder_after: from the mail to the reminder for those who have not answered; none = no reminder.
        reminders: how many, each `reminder_after` or more after the mail before it was sent.
        confirm_detractors: one mail, a day after somebody opened a score of 0 to 6 and pressed nothing: please confirm;
            nobody gets it whose visits show a sign of a machine.
        follow_ups: further questions on the page.
    """

    channel: Name
    touchpoint: str | None = Field(default=None, max_length=80)
    question: dict[Language, Question] = Field(default_factory=dict)
    language: Language | None = None
    signed_by: Signature | dict[Language, Signature] | None = None
    expires_after: Duration = timedelta(days=60)
    reminder_after: Duration | None = None
    reminders: Literal[1, 2] = 1
    confirm_detractors: bool = True
    follow_ups: tuple[FollowUp, ...] = Field(default=(), max_length=5)

    @model_validator(mode="after")
    def _reminder_in_time(self) -> Survey:
        if self.reminder_after is not None and self.reminder_after * self.reminders >= self.expires_after:
            raise ValueError("reminder_after is not shorter than expires_after: the reminder would lead nowhere")
        if len({follow_up.name for follow_up in self.follow_ups}) < len(self.follow_ups):
            raise ValueError("two of follow_ups have the same name")
        return self

    def signature(self, language: str) -> str | None:
        """Who asks, in one of the company's languages; none = the company."""
        return self.signed_by.get(language) if isinstance(self.signed_by, dict) else self.signed_by
