"""All that a decision looks at, gathered beforehand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cached_property

from nps_connect.records.base import FieldValue, mailbox_key
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.records.surveys import ContactHistory
from nps_connect.rules.filters import PERSON_FIELDS, Filter
from nps_connect.rules.quiet_hours import contact_zone
from nps_connect.rules.timing import end_of_delay, local_date, same_time_on
from nps_connect.settings.model import Limits, Trigger

__all__ = ["PERSON_FIELDS", "Facts"]


def _no_surveys_due(_day: date) -> int:
    return 0


def _no_baseline() -> float:
    return 0.0


@dataclass(frozen=True)
class Facts:
    """One event, seen by one trigger.

    Attributes:
        trigger: the trigger.
        event: the event, completed with the fields that triggers name.
        now: the present moment.
        limits: the configured limits.
        filter: the trigger's compiled filter, or none.
        contacts: the people found for the event, opt-outs read anew.
        suppressed: why the one contact must not be written to, or none.
        vetoed: why a plugin refuses, or none.
        history: the one contact's past with us; none where there is no one contact.
        days: how many surveys are due on a calendar day of the company, over all triggers.
        own_days: how many of them are this trigger's.
        outranked_by: the trigger that has this event already (by a yes, or held), or none.
        blocked_until: the end of the cooldown of the person or the mailbox, or none.
        reached: how many people the trigger has reached within `unusual_within`.
        usual: asks for the trigger's own average number of people per `unusual_within`.
        released: the operator has let an unusual number through.
        seen_at: when the event came in, or was last replayed: waiting makes nothing too old. None = now.
        zone: the company's time zone: days that are counted are its days.
    """

    trigger: Trigger
    event: Event
    now: datetime
    limits: Limits
    filter: Filter | None
    contacts: tuple[Contact, ...]
    suppressed: str | None
    vetoed: str | None
    history: ContactHistory | None
    days: Callable[[date], int] = _no_surveys_due
    trigger_surveys_due: Callable[[date], int] = _no_surveys_due
    outranked_by: str | None = None
    blocked_until: datetime | None = None
    reached: int = 0
    usual: Callable[[], float] = _no_baseline
    released: bool = False
    seen_at: datetime | None = None
    zone: tzinfo = UTC

    @property
    def age(self) -> timedelta:
        """How old the event was when it came in."""
        return (self.seen_at or self.now) - self.event.occurred_at

    @cached_property
    def due_at(self) -> datetime:
        """When the survey's mail would be due.

        The delay counts from the event, by the clock where the person is known to live. Nothing is due in the past, and
        where the trigger's own day is full it is the same time of the next day that is not.
        """
        there = contact_zone(self.contacts[0].timezone if len(self.contacts) == 1 else None, self.zone)
        first = due = max(end_of_delay(self.event.occurred_at, self.trigger.delay, there), self.now)
        day = local_date(first, there)
        while (
            self.trigger.per_day is not None
            and self.trigger_surveys_due(local_date(due, self.zone)) >= self.trigger.per_day
        ):
            day += timedelta(days=1)
            due = same_time_on(first, day, there)
        return due

    def values(self) -> dict[str, FieldValue]:
        """What filters see: the event's fields, then the contact's, then `PERSON_FIELDS` of one known person."""
        if len(self.contacts) != 1:
            return dict(self.event.fields)
        contact = self.contacts[0]
        told = {**contact.fields, **self.event.fields}
        if self.filter is None or not self.filter.person_fields:
            return told
        history = self.history or ContactHistory()
        return {
            **told,
            "contact.email_domain": _email_domain(contact.email),
            "contact.language": contact.language,
            "contact.name": contact.name,
            "contact.timezone": contact.timezone,
            "history.answers": history.answers,
            "history.last_score": history.last_score,
            "history.last_answered_at": _format_moment(history.last_answered_at),
            "history.last_surveyed_at": _format_moment(history.last_surveyed_at),
        }


def _email_domain(email: str | None) -> str | None:
    """What stands after the last ``@``, in lower case."""
    return mailbox_key(email).rpartition("@")[2] if email else None


def _format_moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
