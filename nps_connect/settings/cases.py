"""``[cases]`` and ``[recovery]``: detractors after their response."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, model_validator

from nps_connect.settings.base import MailAddress, Name, SettingsTable
from nps_connect.settings.durations import Duration

FactLabel = Annotated[str, Field(min_length=1, max_length=40)]
FactField = Annotated[str, Field(min_length=1, max_length=100)]


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
        own_cases: open a case here for a detractor for whom no route opens a ticket. Staff handle it in the console or
            with ``cases``.
        reply_days: working days until the customer is to be contacted: the case is due at 18:00 of the last one.
        country: country whose public holidays are no working days, as ISO 3166-1 code such as ``FR``; without it only
            Saturdays and Sundays are none.
        region: region of the country with holidays of its own, such as ``57`` for the Moselle in France.
        phone_field: contact field with the phone number, which the page of a case shows for calling.
        facts: what else the page of a case shows: a label, and the field of the contact or of the event that led to the
            survey, such as ``"Product" = "product_name"``.
        alert_when_overdue: when the deadline of an open case has passed, tell staff: whoever has the case by mail, and
            the connection that was alerted to the response; one working day later `escalate_to`. Each is told once.
            Cases with a ticket need a helpdesk that sends events of solved tickets (its `events` are not ``none``).
        escalate_to: receives the second reminder; `team_email`, else the fallback address if not given.
        write_outcome: write to the contact records that have the score what becomes of the case: open, solved or
            recovered, since when and by whom. `connections apply` creates the fields that this needs.
    """

    urgent_up_to: int = Field(default=3, ge=-1, le=6)
    high_up_to: int = Field(default=5, ge=-1, le=6)
    owner_field: str | None = Field(default=None, min_length=1, max_length=100)
    owners: dict[str, MailAddress] = Field(default_factory=dict)
    team_email: MailAddress | None = None
    own_cases: bool = True
    reply_days: int = Field(default=1, ge=1, le=20)
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    region: str | None = Field(default=None, pattern=r"^[A-Z0-9-]{1,10}$")
    phone_field: str | None = Field(default=None, min_length=1, max_length=100)
    facts: dict[FactLabel, FactField] = Field(default_factory=dict, max_length=12)
    alert_when_overdue: bool = True
    escalate_to: MailAddress | None = None
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

    @model_validator(mode="after")
    def _region_needs_a_country(self) -> Cases:
        if self.region is not None and self.country is None:
            raise ValueError("region has no effect without country")
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
