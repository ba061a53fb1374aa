"""The verdict of a trigger on an event, with its reason.

Order of the checks, first refusal wins: active period, age, filter, contact, address, opt-out, suppression, sample,
veto, rank, cooldown, unusual number, daily cap. What is about the event comes before what is about the person, so that
counts of one reason mean something; what the person wants comes before what chance or the application wants. The ledger has
the last word on the cooldown: it reserves it in the transaction that writes the decision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Literal, get_args

from nps_connect.records.base import FieldValue
from nps_connect.redaction import Redactor
from nps_connect.rules.facts import Facts
from nps_connect.rules.sampling import in_sample
from nps_connect.rules.timing import local_date, start_of_next_day
from nps_connect.settings.delays import format_delay
from nps_connect.settings.durations import format_duration
from nps_connect.settings.model import Limits

__all__ = [
    "REASONS",
    "Facts",
    "Reason",
    "TriggerDecision",
    "Verdict",
    "check_trigger",
    "cooldown_decision",
    "superseded_decision",
    "unusual_threshold",
    "with_reason",
]

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

_MAX_SHOWN_VALUE = 40
_redact_addresses = Redactor(())
_SECRET_MARKERS = ("@", "%40", "bearer", "basic")


@dataclass(frozen=True)
class TriggerDecision:
    """A verdict with its reason.

    Attributes:
        verdict: yes, no, deferred (decide again at `eligible_at`) or held (until the operator has been asked).
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


def check_trigger(facts: Facts) -> TriggerDecision:
    """Decide whether an event leads to a survey."""
    for check in _ordered_checks(facts):
        refusal = check(facts)
        if refusal is not None:
            return refusal
    delay = f"{format_delay(facts.trigger.delay)} after the event" if facts.trigger.delay else "at once"
    if facts.trigger.per_day is not None:
        delay += f", at most {facts.trigger.per_day} a day"
    passed = "all checks passed"
    if facts.blocked_until is not None:
        passed += f" (the cooldown is set aside: {facts.trigger.ignore_cooldown})"
    return TriggerDecision("yes", "surveyed", f"{passed}; the survey is due {delay}", due_at=facts.due_at)


def cooldown_decision(limits: Limits, until: datetime, now: datetime, zone: tzinfo) -> TriggerDecision:
    """The ruling when the cooldown of the person or the mailbox is taken.

    Args:
        limits: the configured limits.
        until: when the cooldown ends.
        now: the present moment.
        zone: the company's time zone, in which the day is told.
    """
    day = local_date(until, zone).isoformat()
    if limits.when_blocked == "skip":
        return _no(
            "cooldown", f"surveyed within the cooldown of {_format_span(limits.cooldown)}, which ends on {day}", until
        )
    if until - now > limits.defer_at_most:
        longest = format_duration(limits.defer_at_most)
        return _no("cooldown", f"the cooldown ends on {day}, later than the {longest} that defer_at_most allows", until)
    return TriggerDecision("deferred", "cooldown", f"waits for the end of the cooldown on {day}", eligible_at=until)


def superseded_decision(newer: str) -> TriggerDecision:
    """The ruling for a deferred event when a newer one of the same person waits for the same cooldown.

    Args:
        newer: what the newer event is called.
    """
    return _no("superseded", f"{newer} of the same person is newer and waits in its place")


def with_reason(ruling: TriggerDecision, reason: str | None) -> TriggerDecision:
    """The same ruling, with what led to it beside its inputs; as it is if nothing is to be added."""
    return ruling if reason is None else replace(ruling, detail=_redact_addresses(f"{ruling.detail}; {reason}"))


def _ordered_checks(facts: Facts) -> tuple[Callable[[Facts], TriggerDecision | None], ...]:
    """The checks in order; a filter that asks about the person cannot be answered before there is one."""
    personal = facts.filter is not None and facts.filter.person_fields
    return _CHECKS_PERSON_FIRST if personal else _CHECKS_FILTER_FIRST


def _no(reason: Reason, detail: str, eligible_at: datetime | None = None) -> TriggerDecision:
    lowered = detail.lower()
    told = _redact_addresses(detail) if any(sign in lowered for sign in _SECRET_MARKERS) else detail
    return TriggerDecision("no", reason, told, eligible_at=eligible_at)


def _check_active_period(facts: Facts) -> TriggerDecision | None:
    first, last = facts.trigger.active_from, facts.trigger.active_until
    if first is None and last is None:
        return None
    day = local_date(facts.event.occurred_at, facts.zone)
    if first is not None and day < first:
        return _no("inactive", f"it happened on {day}, the trigger is active from {first}")
    if last is not None and day > last:
        return _no("inactive", f"it happened on {day}, the trigger was active until {last}")
    return None


def _check_age(facts: Facts) -> TriggerDecision | None:
    if facts.age <= facts.limits.max_event_age:
        return None
    limit = format_duration(facts.limits.max_event_age)
    return _no("too_old", f"the event was {_format_span(facts.age)} old, max_event_age is {limit}")


def _check_filter(facts: Facts) -> TriggerDecision | None:
    if facts.filter is None:
        return None
    values = facts.values()
    if facts.filter.matches(values):
        return None
    inputs = ", ".join([f"{name} = {_format_value(values.get(name), name)}" for name in facts.filter.asked])
    return _no("filter", f"{facts.filter.text!r} does not hold: {inputs}")


def _check_contact(facts: Facts) -> TriggerDecision | None:
    if len(facts.contacts) > 1:
        return _no("several_contacts", f"{len(facts.contacts)} contacts fit the event; nobody is asked by guess")
    if not facts.contacts:
        return _no("no_contact", "no contact was found for the event")
    if facts.contacts[0].deleted:
        return _no("no_contact", "the contact has been deleted at the vendor")
    return None


def _check_address(facts: Facts) -> TriggerDecision | None:
    if facts.contacts[0].email:
        return None
    return _no("no_address", "the contact has no e-mail address")


def _check_opt_out(facts: Facts) -> TriggerDecision | None:
    contact = facts.contacts[0]
    return _no("opted_out", f"{contact.connection} says that the contact opted out") if contact.opted_out else None


def _check_suppression(facts: Facts) -> TriggerDecision | None:
    return _no("suppressed", f"must not be written to: {facts.suppressed}") if facts.suppressed is not None else None


def _check_sample(facts: Facts) -> TriggerDecision | None:
    contact, percent = facts.contacts[0], facts.trigger.sample
    if in_sample(facts.trigger.label, f"{contact.connection}:{contact.id}", percent):
        return None
    return _no("sample", f"not in the sample of {percent:g} %")


def _check_veto(facts: Facts) -> TriggerDecision | None:
    return _no("veto", f"a plugin refuses: {facts.vetoed}") if facts.vetoed is not None else None


def _check_priority(facts: Facts) -> TriggerDecision | None:
    if facts.outranked_by is None:
        return None
    return _no("outranked", f"trigger {facts.outranked_by!r} has this event already")


def _check_cooldown(facts: Facts) -> TriggerDecision | None:
    if facts.blocked_until is None or facts.trigger.ignore_cooldown is not None:
        return None
    return cooldown_decision(facts.limits, facts.blocked_until, facts.now, facts.zone)


def _check_unusual_volume(facts: Facts) -> TriggerDecision | None:
    limits = facts.limits
    if facts.released or facts.reached < limits.unusual:
        return None
    usual = facts.usual()
    if facts.reached < unusual_threshold(limits, usual):
        return None
    detail = f"the trigger reached {facts.reached} people within {format_duration(limits.unusual_within)}"
    detail += f", unusual is {limits.unusual} and {limits.unusual_factor:g} times its average of {usual:.3g}"
    return TriggerDecision("held", "unusual", f"{detail}; held until an operator releases or refuses it")


def unusual_threshold(limits: Limits, usual: float) -> float:
    """How many people a trigger must have reached within `unusual_within` for the next one to be unusual.

    Args:
        limits: the configured limits.
        usual: the trigger's own average per `unusual_within`.
    """
    return max(limits.unusual, limits.unusual_factor * usual)


def _check_daily_cap(facts: Facts) -> TriggerDecision | None:
    cap, day = facts.limits.surveys_per_day, local_date(facts.due_at, facts.zone)
    due = facts.days(day)
    if due < cap:
        return None
    detail = f"{due} surveys are due on {day}, surveys_per_day is {cap}; decided again the day after"
    return TriggerDecision("deferred", "daily_cap", detail, eligible_at=start_of_next_day(facts.due_at, facts.zone))


def _format_span(span: timedelta) -> str:
    """A span in days once it has one, for sentences."""
    return f"{span.days}d" if span.days else format_duration(span)


def _format_value(value: FieldValue, field: str) -> str:
    """A field's value for a sentence: short, missing ones named as such, and no person's name."""
    if value is None or value == "":
        return "missing"
    if field == "contact.name":
        return "(the name)"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _MAX_SHOWN_VALUE else text[: _MAX_SHOWN_VALUE - 1] + "…"


_PERSON_CHECKS = (
    _check_address,
    _check_opt_out,
    _check_suppression,
    _check_sample,
    _check_veto,
    _check_priority,
    _check_cooldown,
    _check_unusual_volume,
    _check_daily_cap,
)
_CHECKS_FILTER_FIRST = (_check_active_period, _check_age, _check_filter, _check_contact, *_PERSON_CHECKS)
_CHECKS_PERSON_FIRST = (_check_active_period, _check_age, _check_contact, _check_filter, *_PERSON_CHECKS)
