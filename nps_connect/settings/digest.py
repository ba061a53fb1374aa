"""``[digest]``: the weekly or monthly mail to staff."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from nps_connect.settings.base import MailAddress, Name, SettingsTable
from nps_connect.settings.quiet_hours import Weekday


class Digest(SettingsTable):
    """``[digest]``: a mail to staff with the score, whether it moved, whom to call, and what customers wrote.

    Without recipients nothing is sent. A recipient leaves a digest by the link in it; that is stored in the database.

    Attributes:
        every: `week`: about the seven days before its day; `month`: about the calendar month before its day.
        weekday: day of a weekly digest.
        day_of_month: day of a monthly digest.
        hour: hour of the day in the company's time zone; in quiet hours or on a quiet day (`[limits]`) the mail waits
            until they end.
        management: recipients of the digest about the whole company.
        teams: names of teams whose members get a digest of their own, with the answers of that team only.
        score_alarms: tell the recipients of a digest, else the fallback address, when its score has gone down by more
            than chance explains (docs/score-alarms.md).
    """

    every: Literal["week", "month"] = "week"
    weekday: Weekday = "monday"
    day_of_month: int = Field(default=1, ge=1, le=28)
    hour: int = Field(default=8, ge=0, le=23)
    management: tuple[MailAddress, ...] = ()
    teams: tuple[Name, ...] = ()
    score_alarms: bool = True

    @model_validator(mode="after")
    def _reaches_somebody(self) -> Digest:
        if self.model_fields_set - {"score_alarms"} and not self.is_on:
            raise ValueError("reaches nobody: name addresses in management, or teams with members in teams")
        return self

    @property
    def is_on(self) -> bool:
        """Whether there is a digest at all."""
        return bool(self.management or self.teams)
