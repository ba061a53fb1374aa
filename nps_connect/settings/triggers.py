"""``[[triggers]]``: which events lead to which survey."""

from __future__ import annotations

from datetime import date
from functools import cached_property

from pydantic import Field, model_validator

from nps_connect.settings.base import Language, Name, SettingsTable
from nps_connect.settings.durations import Delay, DelayField
from nps_connect.settings.intervals import IntervalField

EVENT_KIND_PATTERN = r"^[a-z_]+\.[a-z_]+$"


class Trigger(SettingsTable):
    """``[[triggers]]``: which events lead to which survey.

    Attributes:
        on: kind of event.
        source: connection that sends it (written ``from``).
        survey: name of the survey.
        delay: from the event to the mail: ``3d``, ``next tuesday 10:00`` or ``3d then next weekday 10:00``, in
            the contact's time zone if known, else in the company's.
        where: filter on the event's fields; None accepts every event.
        sample: percent of contacts, chosen by a stable hash.
        touchpoint: replaces the survey's label.
        language: of the mail, overriding the contact's; one of ``core.languages``.
        priority: if several triggers match an event, the highest priority wins, then the order in the file.
        active_from: first day (company's time zone) whose events count; None means no start.
        active_until: last day whose events count; None means no end.
        per_day: maximum number of surveys of this trigger per day; more are spread over the following days.
        ignore_cooldown: the reason why this trigger may survey a contact within the cooldown; its own surveys restart
            the cooldown.
        name: for ``explain`` and counts; built from the other fields if not given.
    """

    on: str = Field(pattern=EVENT_KIND_PATTERN)
    source: Name = Field(alias="from")
    survey: Name
    delay: DelayField = Delay()
    where: str | None = None
    sample: float = Field(default=100.0, gt=0, le=100)
    touchpoint: str | None = Field(default=None, max_length=80)
    language: Language | None = None
    priority: int = Field(default=0, ge=-1000, le=1000)
    active_from: date | None = None
    active_until: date | None = None
    per_day: int | None = Field(default=None, ge=1)
    ignore_cooldown: str | None = Field(default=None, min_length=10, max_length=200)
    name: str | None = Field(default=None, max_length=80)

    @model_validator(mode="after")
    def _check_period(self) -> Trigger:
        if self.active_from and self.active_until and self.active_until < self.active_from:
            raise ValueError("active_until is before active_from, so that no event would ever count")
        return self

    @cached_property
    def label(self) -> str:
        """The trigger's name, configured or built."""
        return self.name or f"{self.source}:{self.on}:{self.survey}"


SCHEDULE_LABEL_PREFIX = "schedule:"
SCHEDULE_EVENT_KIND = "schedule.due"
"""Kind of the events of recurring surveys. No plugin produces it; only the survey's own trigger listens to it."""


class ScheduleTrigger(Trigger):
    """The trigger that `every` of a survey implies: each event of the schedule leads to this survey.

    Attributes:
        every: of the survey; at least half of it lies between two surveys of the schedule to one person.
    """

    every: IntervalField
