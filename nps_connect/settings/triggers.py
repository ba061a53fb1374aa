"""``[[triggers]]``: which events lead to which survey."""

from __future__ import annotations

from datetime import date
from functools import cached_property

from pydantic import Field, model_validator

from nps_connect.settings.base import Language, Name, SettingsTable
from nps_connect.settings.delays import Delay, DelayField

EVENT_KIND_PATTERN = r"^[a-z_]+\.[a-z_]+$"


class Trigger(SettingsTable):
    """``[[triggers]]``: which events lead to which survey.

    Attributes:
        on: kind of event.
        source: connection that gives it (written ``from``).
        survey: name of the survey.
        delay: from the event to the mail: ``3d``, ``next tuesday 10:00`` or ``3d then next weekday 10:00``, by
            the clock where the contact is known to live, else by the company's.
        where: filter over the event's fields; none = every event.
        sample: percent of contacts, chosen by a stable hash.
        touchpoint: replaces the survey's label.
        language: the mail's language whatever the contact's is; one of ``core.languages``.
        priority: where several triggers want the same event, the highest one gets it; among equals the first.
        active_from: first day (company zone) whose events count; none = ever since.
        active_until: last day whose events count; none = for ever.
        per_day: how many surveys of this trigger are due and go out on one day; more are spread over the days that
            follow.
        ignore_cooldown: the written reason why this trigger may survey a person within the cooldown, such as the
            follow-up after a recovery; its own surveys start the cooldown anew.
        name: for ``explain`` and counts; made from the other fields if not given.
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
    def _period_in_order(self) -> Trigger:
        if self.active_from and self.active_until and self.active_until < self.active_from:
            raise ValueError("active_until is before active_from: no event would ever count")
        return self

    @cached_property
    def label(self) -> str:
        """The trigger's name, given or made."""
        return self.name or f"{self.source}:{self.on}:{self.survey}"
