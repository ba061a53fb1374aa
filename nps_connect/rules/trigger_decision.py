"""What a trigger decides on an event: what is known beforehand, and the decision with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal, get_args

from nps_connect.records.base import FieldValue, mailbox_key
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.records.surveys import ContactHistory
from nps_connect.redaction import Redactor
from nps_connect.rules.filters import Filter
from nps_connect.rules.timing import local_date
from nps_connect.settings.durations import format_duration
from nps_connect.settings.model import Limits, Trigger

Verdict = Literal["yes", "no", "deferred", "held"]
Reason = Literal[
    "surveyed",
    "inactive",
    "too_old",
    "filter",
    "no_contact",
    "several_contacts",
    "no_address",
    "opted_out",
    "suppressed",
    "sample",
    "veto",
    "unusable_proposal",
    "outranked",
    "cooldown",
    "superseded",
    "unusual",
    "refused",
    "daily_cap",
]
REASONS: tuple[Reason, ...] = get_args(Reason)

_redact_addresses = Redactor(())
_SECRET_MARKERS = ("@", "%40", "bearer", "basic")


@dataclass(frozen=True)
class TriggerDecision:
    """The verdict of a trigger on an event, with its reason.

    Attributes:
        verdict: yes, no, deferred (decided again at `eligible_at`) or held (until an operator releases or rejects it).
        reason: one word, to be counted.
        detail: one sentence with the inputs that mattered; holds no e-mail address.
        eligible_at: when a survey is possible again, where that is known.
        due_at: for a yes: when the survey mail is due.
    """

    verdict: Verdict
    reason: Reason
    detail: str
    eligible_at: datetime | None = None
    due_at: datetime | None = None


@dataclass(frozen=True)
class Person:
    """The one person whom an event is about.

    Attributes:
        subjects: subjects under which the person and the mailbox cool down, sorted; merged contacts included.
        suppression_reason: why they must not be contacted, or None.
        history: their earlier surveys and responses.
        is_unconfirmed: whether they opted out is unknown since a restore: they are decided on, and their mail is held.
    """

    subjects: tuple[str, ...]
    suppression_reason: str | None = None
    history: ContactHistory = field(default_factory=ContactHistory)
    is_unconfirmed: bool = False


@dataclass(frozen=True)
class Candidate:
    """An event that may lead to surveys.

    Attributes:
        event: the completed event.
        contacts: the contacts found for it.
        person: what is known of the one person; None unless there is exactly one contact.
        now: the present moment.
        seen_at: when the event came in, or was last replayed.
        earlier_verdicts: by trigger label.
        was_looked_up: the contact was looked up at the vendor that reported the event, so that it may be found later.
    """

    event: Event
    contacts: tuple[Contact, ...]
    person: Person | None
    now: datetime
    seen_at: datetime
    earlier_verdicts: Mapping[str, str] = field(default_factory=dict)
    was_looked_up: bool = False


@dataclass(frozen=True)
class Facts:
    """Everything that the checks of one trigger read about one event.

    Attributes:
        trigger: the trigger.
        event: the event, completed with the fields that triggers name.
        now: the present moment.
        limits: the configured limits.
        filter: compiled filter of the trigger, or None.
        contacts: the contacts found for the event.
        suppression_reason: why the contact must not be contacted, or None.
        veto_reason: why a plugin refuses, or None.
        history: earlier surveys and responses of the contact; None unless there is exactly one contact.
        surveys_due: number of surveys due on a calendar day of the company, over all triggers.
        trigger_surveys_due: the same of this trigger only.
        outranked_by: label of the trigger that already leads to a survey for this event, or is held, or None.
        blocked_until: end of the cooldown of the person or the mailbox, or None.
        reached: number of people that the trigger reached within `unusual_within`.
        baseline: average number of people that the trigger reaches per `unusual_within`; only called when needed.
        released: an operator released the event although the trigger reached unusually many people.
        seen_at: when the event came in or was last replayed, so that no event becomes too old in a queue.
        zone: time zone of the company, in which days are counted.
        was_looked_up: the contact was looked up at the vendor that reported the event.
        last_survey: when the trigger's survey was sent last to the person, or is due; of recurring surveys only.
    """

    trigger: Trigger
    event: Event
    now: datetime
    limits: Limits
    filter: Filter | None
    contacts: tuple[Contact, ...]
    suppression_reason: str | None
    veto_reason: str | None
    history: ContactHistory | None
    surveys_due: Callable[[date], int]
    trigger_surveys_due: Callable[[date], int]
    outranked_by: str | None
    blocked_until: datetime | None
    reached: int
    baseline: Callable[[], float]
    released: bool
    seen_at: datetime
    zone: tzinfo
    was_looked_up: bool
    last_survey: datetime | None = None

    def values(self) -> dict[str, FieldValue]:
        """Values for the filter: fields of the event, of the contact, and `PERSON_FIELDS` if the filter uses any."""
        if len(self.contacts) != 1:
            return dict(self.event.fields)
        contact = self.contacts[0]
        fields = {**contact.fields, **self.event.fields}
        if self.filter is None or not self.filter.person_fields:
            return fields
        history = self.history or ContactHistory()
        return {
            **fields,
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
    """The part after the last ``@``, in lower case."""
    return mailbox_key(email).rpartition("@")[2] if email else None


def _format_moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def cooldown_decision(limits: Limits, until: datetime, now: datetime, zone: tzinfo) -> TriggerDecision:
    """The decision when the person or the mailbox is in cooldown.

    Args:
        limits: the configured limits.
        until: when the cooldown ends.
        now: the present moment.
        zone: time zone of the company, for the day in the sentence.
    """
    day = local_date(until, zone).isoformat()
    if limits.when_blocked == "skip":
        span = format_span(limits.cooldown)
        return refuse("cooldown", f"surveyed within the cooldown of {span}, which ends on {day}", until)
    if until - now > limits.defer_at_most:
        longest = format_duration(limits.defer_at_most)
        detail = f"the cooldown ends on {day}, later than the {longest} that defer_at_most allows"
        return refuse("cooldown", detail, until)
    return TriggerDecision("deferred", "cooldown", f"deferred until the cooldown ends on {day}", eligible_at=until)


def superseded_decision(newer_key: str) -> TriggerDecision:
    """The decision on a deferred event when a newer one of the same person waits for the same cooldown.

    Args:
        newer_key: key of the newer event.
    """
    return refuse("superseded", f"superseded by {newer_key}, a newer event of the same person")


def with_reason(decision: TriggerDecision, reason: str | None) -> TriggerDecision:
    """The same decision with a further reason in its sentence; unchanged if there is none."""
    if reason is None:
        return decision
    return replace(decision, detail=_redact_addresses(f"{decision.detail}; {reason}"))


def refuse(reason: Reason, detail: str, eligible_at: datetime | None = None) -> TriggerDecision:
    """A "no" whose sentence holds no e-mail address."""
    lowered = detail.lower()  # redaction costs more than this test, and most sentences hold nothing to redact
    is_suspicious = any(marker in lowered for marker in _SECRET_MARKERS)
    return TriggerDecision("no", reason, _redact_addresses(detail) if is_suspicious else detail, eligible_at)


def format_span(span: timedelta) -> str:
    """A duration for a sentence: whole days if it has any."""
    return f"{span.days}d" if span.days else format_duration(span)
