"""``[cases]`` and ``[recovery]``: detractors after their response."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, model_validator

from nps_connect.settings.base import MailAddress, Name, SettingsTable
from nps_connect.settings.durations import Duration


class Cases(SettingsTable):
    """``[cases]``: detractors to win back, each with its ticket.

    Attributes:
        urgent_up_to: scores up to this one open an urgent ticket; -1 disables it.
        high_up_to: scores up to this one open a ticket of high priority, -1 disables it; other detractors get normal
            priority.
        owner_field: contact field with the owner in the CRM, who is named in tickets and alerts and in ``cases list``.
        owners: addresses of owners by value of `owner_field`; a value that is an address itself needs none.
        team_email: receives alerts by mail about contacts without an owner who has an address; the fallback address if
            not given.
        alert_when_overdue: alert staff, once, when the deadline of an open case (the end of the next working day) has
            passed. Needs a helpdesk that sends events of solved tickets (its `events` are not ``none``).
        write_outcome: write to the contact records that have the score what becomes of the case: open, solved or
            recovered, since when and by whom. `connections apply` creates the fields that this needs.
    """

    urgent_up_to: int = Field(default=3, ge=-1, le=6)
    high_up_to: int = Field(default=5, ge=-1, le=6)
    owner_field: str | None = Field(default=None, min_length=1, max_length=100)
    owners: dict[str, MailAddress] = Field(default_factory=dict)
    team_email: MailAddress | None = None
    alert_when_overdue: bool = True
    write_outcome: bool = True

    @model_validator(mode="after")
    def _in_order(self) -> Cases:
        if self.high_up_to < self.urgent_up_to:
            raise ValueError("high_up_to is below urgent_up_to, but lower scores are more urgent")
        return self

    @model_validator(mode="after")
    def _owners_need_a_field(self) -> Cases:
        if self.owners and self.owner_field is None:
            raise ValueError("owners has no effect without owner_field: the contact field that holds its keys")
        return self


class Recovery(SettingsTable):
    """``[recovery]``: the recovery survey after a solved case, which ignores the cooldown.

    Opt-outs and suppressions apply as for any other mail.

    Attributes:
        survey: the survey to send; None disables it.
        delay: from the solution of the ticket to the mail.
    """

    survey: Name | None = None
    delay: Duration = timedelta(days=3)
