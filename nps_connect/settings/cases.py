"""``[cases]`` and ``[recovery]``: what becomes of a detractor after the answer."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, model_validator

from nps_connect.settings.base import Name, SettingsTable
from nps_connect.settings.durations import Duration


class Cases(SettingsTable):
    """``[cases]``: detractors to be won back, each with the ticket that stands for it.

    Attributes:
        urgent_up_to: scores up to this one make an urgent ticket; -1 = none does.
        high_up_to: scores up to this one make a ticket of high priority, those of other detractors are normal.
        owner_field: field of the contact that names who looks after the customer in the CRM, for ``cases list``.
        alert_when_overdue: tell staff, once, when the promised deadline of an open case has passed. Needs a helpdesk
            that tells of solved tickets (its `events` are not ``none``).
    """

    urgent_up_to: int = Field(default=3, ge=-1, le=6)
    high_up_to: int = Field(default=5, ge=-1, le=6)
    owner_field: str | None = Field(default=None, min_length=1, max_length=100)
    alert_when_overdue: bool = True

    @model_validator(mode="after")
    def _in_order(self) -> Cases:
        if self.high_up_to < self.urgent_up_to:
            raise ValueError("high_up_to is below urgent_up_to: lower scores are the more urgent ones")
        return self


class Recovery(SettingsTable):
    """``[recovery]``: a solved case is followed up by one more survey, whatever the cooldown says.

    Opt-outs and suppressions hold as for any other mail.

    Attributes:
        survey: the survey that is sent; none = no follow-up.
        delay: from the moment the ticket was solved to the mail.
    """

    survey: Name | None = None
    delay: Duration = timedelta(days=3)
