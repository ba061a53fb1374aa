"""The verdict of a trigger on an event, with its reason.

Order of the checks, first refusal wins: age, filter, contact, address, opt-out, suppression, sample, veto, daily cap.
What is about the event comes before what is about the person, so that counts of one reason mean something; what the
person wants comes before what chance or the house wants. The cooldown comes last of all, outside: the ledger reserves
it in the transaction that writes the decision, and `blocked` words its refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from nps_connect.records.base import FieldValue
from nps_connect.redaction import Redactor
from nps_connect.rules.facts import Facts
from nps_connect.rules.sampling import in_sample
from nps_connect.rules.timing import day_after, day_of
from nps_connect.settings.durations import format_duration
from nps_connect.settings.model import Limits

__all__ = ["Facts", "Reason", "Ruling", "Verdict", "blocked", "rule"]

Verdict = Literal["yes", "no", "deferred"]
Reason = Literal[
    "surveyed",
    "too_old",
    "filter",
    "no_contact",
    "several_contacts",
    "no_address",
    "opted_out",
    "suppressed",
    "sample",
    "veto",
    "cooldown",
    "duplicate",
    "daily_cap",
]

_LONGEST_VALUE = 40
_without_addresses = Redactor(())


@dataclass(frozen=True)
class Ruling:
    """A verdict with its reason.

    Attributes:
        verdict: yes, no, or deferred: decide again at `eligible_at`.
        reason: one word, to be counted.
        detail: one sentence with the inputs that mattered; holds no e-mail address.
        eligible_at: when a survey would be possible again, where that can be told.
        due_at: for a yes: when the survey's mail is due.
    """

    verdict: Verdict
    reason: Reason
    detail: str
    eligible_at: datetime | None = None
    due_at: datetime | None = None


def rule(facts: Facts) -> Ruling:
    """Decide whether an event leads to a survey, as far as rules can tell: the cooldown is reserved afterwards."""
    for check in _checks(facts):
        refusal = check(facts)
        if refusal is not None:
            return refusal
    delay = f"{format_duration(facts.trigger.delay)} after the event" if facts.trigger.delay else "at once"
    return Ruling("yes", "surveyed", f"all checks passed; the survey is due {delay}", due_at=facts.due_at)


def blocked(limits: Limits, until: datetime, now: datetime) -> Ruling:
    """The ruling when the cooldown of the person or the mailbox is taken.

    Args:
        limits: the configured limits.
        until: when the cooldown ends.
        now: the present moment.
    """
    day = until.date().isoformat()
    if limits.when_blocked == "skip":
        return _no("cooldown", f"surveyed within the cooldown of {_told(limits.cooldown)}, which ends on {day}", until)
    if until - now > limits.defer_at_most:
        longest = format_duration(limits.defer_at_most)
        return _no("cooldown", f"the cooldown ends on {day}, later than the {longest} that defer_at_most allows", until)
    return Ruling("deferred", "cooldown", f"waits for the end of the cooldown on {day}", eligible_at=until)


def _checks(facts: Facts) -> tuple[Callable[[Facts], Ruling | None], ...]:
    """The checks in order; a filter that asks about the person cannot be answered before there is one."""
    personal = facts.filter is not None and facts.filter.personal
    contact_and_filter = (_one_contact, _filter) if personal else (_filter, _one_contact)
    return (_age, *contact_and_filter, _address, _opt_out, _suppression, _sample, _veto, _daily_cap)


def _no(reason: Reason, detail: str, eligible_at: datetime | None = None) -> Ruling:
    return Ruling("no", reason, _without_addresses(detail), eligible_at=eligible_at)


def _age(facts: Facts) -> Ruling | None:
    if facts.age <= facts.limits.max_event_age:
        return None
    limit = format_duration(facts.limits.max_event_age)
    return _no("too_old", f"the event was {_told(facts.age)} old, max_event_age is {limit}")


def _filter(facts: Facts) -> Ruling | None:
    if facts.filter is None:
        return None
    values = facts.values()
    if facts.filter.matches(values):
        return None
    inputs = ", ".join(
        f"{name} = {_shown(values.get(name))}" for name in sorted(facts.filter.names | facts.filter.personal)
    )
    return _no("filter", f"{facts.filter.text!r} does not hold: {inputs}")


def _one_contact(facts: Facts) -> Ruling | None:
    if len(facts.contacts) > 1:
        return _no("several_contacts", f"{len(facts.contacts)} contacts fit the event; nobody is asked by guess")
    if not facts.contacts:
        return _no("no_contact", "no contact was found for the event")
    if facts.contacts[0].deleted:
        return _no("no_contact", "the contact has been deleted at the vendor")
    return None


def _address(facts: Facts) -> Ruling | None:
    if facts.contacts[0].email:
        return None
    return _no("no_address", "the contact has no e-mail address")


def _opt_out(facts: Facts) -> Ruling | None:
    contact = facts.contacts[0]
    return _no("opted_out", f"{contact.connection} says that the contact opted out") if contact.opted_out else None


def _suppression(facts: Facts) -> Ruling | None:
    return _no("suppressed", f"must not be written to: {facts.suppressed}") if facts.suppressed is not None else None


def _sample(facts: Facts) -> Ruling | None:
    contact, percent = facts.contacts[0], facts.trigger.sample
    if in_sample(facts.trigger.label, f"{contact.connection}:{contact.id}", percent):
        return None
    return _no("sample", f"not in the sample of {percent:g} %")


def _veto(facts: Facts) -> Ruling | None:
    return _no("veto", f"a plugin refuses: {facts.vetoed}") if facts.vetoed is not None else None


def _daily_cap(facts: Facts) -> Ruling | None:
    cap = facts.limits.surveys_per_day
    if facts.sent_today < cap:
        return None
    day = day_of(facts.due_at, facts.zone).isoformat()
    detail = f"{facts.sent_today} surveys are due on {day}, surveys_per_day is {cap}; decided again the day after"
    return Ruling("deferred", "daily_cap", detail, eligible_at=day_after(facts.due_at, facts.zone))


def _told(span: timedelta) -> str:
    """A span in days once it has one, for sentences."""
    return f"{span.days}d" if span.days else format_duration(span)


def _shown(value: FieldValue) -> str:
    """A field's value for a sentence: short, and missing ones named as such."""
    if value is None or value == "":
        return "missing"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
