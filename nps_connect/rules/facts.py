"""All that a decision looks at, gathered beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from nps_connect.records.base import FieldValue
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.records.surveys import ContactHistory
from nps_connect.rules.filters import PERSON_FIELDS, Filter
from nps_connect.settings.model import Limits, Trigger

__all__ = ["PERSON_FIELDS", "Facts"]


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
        sent_today: surveys already planned for the company's day on which this one would be due.
        history: the one contact's past with us; none where there is no one contact.
        seen_at: when the event was first decided on, if it was deferred since: deferring makes nothing too old.
        zone: the company's time zone.
    """

    trigger: Trigger
    event: Event
    now: datetime
    limits: Limits
    filter: Filter | None
    contacts: tuple[Contact, ...]
    suppressed: str | None
    vetoed: str | None
    sent_today: int
    history: ContactHistory | None
    seen_at: datetime | None = None
    zone: tzinfo = UTC

    @property
    def age(self) -> timedelta:
        """How old the event was when it was first decided on."""
        return (self.seen_at or self.now) - self.event.occurred_at

    @property
    def due_at(self) -> datetime:
        """When the survey's mail would be due: the delay counts from the event, and nothing is due in the past."""
        return max(self.event.occurred_at + self.trigger.delay, self.now)

    def values(self) -> dict[str, FieldValue]:
        """What filters see: the event's fields, then the contact's, then `PERSON_FIELDS` of one known person."""
        if len(self.contacts) != 1:
            return dict(self.event.fields)
        contact, history = self.contacts[0], self.history or ContactHistory()
        return {
            **contact.fields,
            **self.event.fields,
            "contact.language": contact.language,
            "contact.timezone": contact.timezone,
            "history.answers": history.answers,
            "history.last_score": history.last_score,
            "history.last_answered_at": _written(history.last_answered_at),
            "history.last_surveyed_at": _written(history.last_surveyed_at),
        }


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
