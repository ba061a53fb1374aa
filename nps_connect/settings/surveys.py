"""``[surveys.<name>]``: definitions of surveys."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from nps_connect.settings.base import Language, Name, SettingsTable
from nps_connect.settings.durations import Duration
from nps_connect.settings.intervals import IntervalField
from nps_connect.settings.routes import Segments

Choice = Annotated[str, Field(min_length=1, max_length=120)]
Question = Annotated[str, Field(min_length=1, max_length=300)]
Signature = Annotated[str, Field(min_length=1, max_length=120)]


class FollowUp(SettingsTable):
    """``[[surveys.<name>.follow_ups]]``: a follow-up question on the page, for some segments.

    Attributes:
        name: key of the stored answer.
        on: `any`, a segment, or a list of segments.
        question: in each of `core.languages`.
        choices: in each of them, with the same number and order; empty means a free text.
    """

    name: Name
    on: Segments = Field(min_length=1)
    question: dict[Language, Question] = Field(min_length=1)
    choices: dict[Language, tuple[Choice, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_languages(self) -> FollowUp:
        if self.choices and set(self.choices) != set(self.question):
            raise ValueError("question and choices are not in the same languages")
        if len({len(choices) for choices in self.choices.values()}) > 1:
            raise ValueError("there are not as many choices in every language")
        if any(len(set(choices)) < max(len(choices), 2) for choices in self.choices.values()):
            raise ValueError("a list of choices needs at least two, each of them different")
        return self


class Population(SettingsTable):
    """``[surveys.<name>.population]``: the people whom a recurring survey asks.

    Attributes:
        source: connection that lists the contacts (written ``from``); if its plugin cannot list them, those that the
            database knows of it.
        where: filter on the contact's fields; None accepts every contact.
    """

    source: Name = Field(alias="from")
    where: str | None = None


class Survey(SettingsTable):
    """``[surveys.<name>]``: the definition of a survey.

    Attributes:
        channel: connection that sends the mail.
        touchpoint: label of the moment that the survey asks about; the survey's name if not given.
        question: in each of `core.languages`; the standard NPS question if not given.
        language: for contacts whose language is unknown or not configured; the company's first if not given.
        signed_by: signature of the mail, such as ``Claire Dupont, customer care``, or a table with each of
            `core.languages`; the company if not given.
        expires_after: how long the personal link accepts responses: from the mail to the end of the last day, in the
            company's time zone.
        reminder_after: from the mail to the reminder for contacts without a response; None disables reminders.
        reminders: their number, each `reminder_after` or more after the previous mail.
        confirm_detractors: one mail, a day after a contact opened a score of 0 to 6 and submitted nothing, that asks
            to confirm it; not sent if the page views have bot signals.
        follow_ups: follow-up questions on the page.
        every: how often each person of `population` is asked, such as ``6 months`` or ``90d``, spread evenly; None:
            triggers alone lead to the survey.
        first_after: new contacts are not asked by `every` before they are known for so long.
        population: whom `every` asks.
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
    every: IntervalField | None = None
    first_after: Duration | None = None
    population: Population | None = None

    @model_validator(mode="after")
    def _check_schedule(self) -> Survey:
        if self.every is not None and self.population is None:
            raise ValueError('every needs people to ask: add a population, such as population = { from = "crm" }')
        if self.every is None and self.population is not None:
            raise ValueError('population has no effect without every: add every, such as every = "6 months"')
        if self.every is None and self.first_after is not None:
            raise ValueError('first_after has no effect without every: add every, such as every = "6 months"')
        return self

    @model_validator(mode="after")
    def _check_reminders(self) -> Survey:
        if self.reminder_after is not None and self.reminder_after * self.reminders >= self.expires_after:
            raise ValueError("the reminders come after expires_after, when the link has expired")
        if len({follow_up.name for follow_up in self.follow_ups}) < len(self.follow_ups):
            raise ValueError("two of follow_ups have the same name")
        return self
