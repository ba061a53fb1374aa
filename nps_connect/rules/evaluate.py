"""Evaluate all triggers that listen to one event; a survey of one trigger counts against the limits of the next.

Decisions, dry runs and simulations all evaluate here; they differ in how their `LimitState` is loaded.

Order of the checks, the first refusal wins: active period, age, look-up, filter, contact, address, opt-out,
suppression, sample, veto, priority, cooldown, unusual number, daily cap. Checks of the event come before checks of the
person, so that the counts of a reason are comparable; what the person wants comes before sampling and limits. The
ledger has the last word on the cooldown: it is reserved in the transaction that writes the decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter

from nps_connect.records.base import FieldValue
from nps_connect.rules.filters import Filter
from nps_connect.rules.limit_state import DeferredEvent, LimitState
from nps_connect.rules.sampling import in_sample
from nps_connect.rules.schedule_decision import check_schedule, describe_slot
from nps_connect.rules.timing import contact_zone, end_of_delay, local_date, same_time_on, start_of_next_day
from nps_connect.rules.trigger_decision import (
    Candidate,
    Facts,
    TriggerDecision,
    cooldown_decision,
    format_span,
    refuse,
    superseded_decision,
)
from nps_connect.settings.durations import format_delay, format_duration
from nps_connect.settings.model import Limits, ScheduleTrigger, Trigger

RELEASED = "released"
"""Verdict on a held event after an operator released it: it is decided again."""

REDECIDE = "again"
"""Verdict on an event whose "no" an operator withdrew after a fix: it is decided again."""

OPEN_VERDICTS = (None, "deferred", RELEASED, REDECIDE)
"""Verdicts that are not final; None = not decided yet."""

VetoCheck = Callable[[Trigger], str | None]
"""Asks the plugins for a refusal; returns the reason, or None."""

LOOKUP_PERIOD = timedelta(minutes=15)
"""Age of an event from which on a contact that the vendor does not find is missing for good. Vendors report a fact
before their own reading side shows the record, or before somebody associates a contact with it."""

FIRST_LOOKUP_INTERVAL = timedelta(seconds=30)
"""Delay before the second look-up; the delay before each further one is the age of the event."""

_MAX_SHOWN_VALUE = 40


def evaluate(
    candidate: Candidate,
    triggers: Sequence[Trigger],
    limit_state: LimitState,
    *,
    limits: Limits,
    filters: Mapping[str, Filter],
    check_veto: VetoCheck | None,
) -> list[tuple[Trigger, TriggerDecision]]:
    """Decide for every trigger without a final verdict, highest priority first; a yes is added to the limits.

    An event that leads to a survey, or is held, is refused to triggers of lower priority.

    Args:
        candidate: the event.
        triggers: those that listen to it, in the order of the configuration.
        limit_state: cooldowns and counts; updated.
        limits: the configured limits.
        filters: compiled, by trigger label.
        check_veto: None if no plugin can refuse surveys.
    """
    winner = next((label for label, verdict in candidate.earlier_verdicts.items() if verdict == "yes"), None)
    decisions = []
    for trigger in sorted(triggers, key=attrgetter("priority"), reverse=True):
        verdict = candidate.earlier_verdicts.get(trigger.label)
        if verdict in OPEN_VERDICTS:
            facts = _build_facts(
                candidate, trigger, limit_state, limits, filters.get(trigger.label), check_veto, winner
            )
            decision = _apply_limits(candidate, check_trigger(facts), trigger, limit_state, limits)
            decisions.append((trigger, decision))
            verdict = decision.verdict
            winner = trigger.label if verdict in ("yes", "held") else winner
        elif verdict == "held":
            winner = winner or trigger.label
    return decisions


def _apply_limits(
    candidate: Candidate, decision: TriggerDecision, trigger: Trigger, limit_state: LimitState, limits: Limits
) -> TriggerDecision:
    """Count a yes and queue a deferred event for the cooldown; an event that waits in vain is superseded."""
    person = candidate.person
    if person is None:
        return decision
    if decision.verdict == "yes" and decision.due_at is not None:
        limit_state.reserve(trigger, person.subjects, due_at=decision.due_at, now=candidate.now, limits=limits)
    elif decision.verdict == "deferred" and decision.reason == "cooldown":
        deferred = DeferredEvent(candidate.event.occurred_at, candidate.event.key)
        newer = limit_state.defer(person.subjects, deferred)
        return superseded_decision(newer.key) if newer else decision
    return decision


def _build_facts(
    candidate: Candidate,
    trigger: Trigger,
    limit_state: LimitState,
    limits: Limits,
    compiled_filter: Filter | None,
    check_veto: VetoCheck | None,
    winner: str | None,
) -> Facts:
    person, label, now = candidate.person, trigger.label, candidate.now
    is_scheduled = isinstance(trigger, ScheduleTrigger)
    return Facts(
        trigger=trigger,
        event=candidate.event,
        now=now,
        limits=limits,
        filter=compiled_filter,
        contacts=candidate.contacts,
        suppression_reason=person.suppression_reason if person else None,
        veto_reason=check_veto(trigger) if person and check_veto else None,
        history=person.history if person else None,
        surveys_due=lambda day: limit_state.due_on(None, day),
        trigger_surveys_due=lambda day: limit_state.due_on(label, day),
        outranked_by=winner,
        blocked_until=limit_state.blocked_until(person.subjects, now) if person else None,
        reached=limit_state.reached_since(label, now - limits.unusual_within),
        baseline=lambda: limit_state.baseline(label, now, limits.unusual_within),
        released=candidate.earlier_verdicts.get(label) == RELEASED,
        seen_at=candidate.seen_at,
        zone=limit_state.zone,
        was_looked_up=candidate.was_looked_up,
        last_survey=limit_state.last_survey(trigger.survey, person.subjects) if person and is_scheduled else None,
    )


def check_trigger(facts: Facts) -> TriggerDecision:
    """Decide whether an event leads to a survey of one trigger: the first refusal, else a yes."""
    # A filter with person fields can only be checked when there is exactly one contact.
    has_person_fields = facts.filter is not None and facts.filter.person_fields
    for check in _CHECKS_PERSON_FIRST if has_person_fields else _CHECKS_FILTER_FIRST:
        refusal = check(facts)
        if refusal is not None:
            return refusal
    due_at = _earliest_due_at(facts)
    if (refusal := _check_daily_cap(facts, due_at)) is not None:
        return refusal
    trigger = facts.trigger
    delay = f"{format_delay(trigger.delay)} after the event" if trigger.delay else "immediately"
    if isinstance(trigger, ScheduleTrigger):
        delay = f"now: {describe_slot(trigger, facts.event, facts.zone)}"
    if trigger.per_day is not None:
        delay += f", at most {trigger.per_day} a day"
    passed = "all checks passed"
    if facts.blocked_until is not None:
        passed += f" (the cooldown is ignored: {trigger.ignore_cooldown})"
    return TriggerDecision("yes", "surveyed", f"{passed}; the survey is due {delay}", due_at=due_at)


def _check_event(facts: Facts) -> TriggerDecision | None:
    """Refuse events outside the active period and old ones; defer recent ones whose contact the vendor does not find.

    Fields may be missing for the same reason as the contact, so that the filter has to wait.
    """
    first, last = facts.trigger.active_from, facts.trigger.active_until
    if first is not None or last is not None:
        day = local_date(facts.event.occurred_at, facts.zone)
        if first is not None and day < first:
            return refuse("inactive", f"it happened on {day}, the trigger is active from {first}")
        if last is not None and day > last:
            return refuse("inactive", f"it happened on {day}, the trigger was active until {last}")
    age = facts.seen_at - facts.event.occurred_at
    if age > facts.limits.max_event_age:
        limit = format_duration(facts.limits.max_event_age)
        return refuse("too_old", f"the event was {format_span(age)} old, max_event_age is {limit}")
    age = facts.now - facts.event.occurred_at
    if facts.contacts or not facts.was_looked_up or not -LOOKUP_PERIOD <= age < LOOKUP_PERIOD:
        return None
    eligible_at = facts.now + max(FIRST_LOOKUP_INTERVAL, age)
    return TriggerDecision("deferred", "no_contact", "no contact was found yet; it is looked up again", eligible_at)


def _check_filter(facts: Facts) -> TriggerDecision | None:
    if facts.filter is None:
        return None
    values = facts.values()
    if facts.filter.matches(values):
        return None
    inputs = ", ".join([f"{name} = {_format_value(values.get(name), name)}" for name in facts.filter.all_fields])
    return refuse("filter", f"{facts.filter.text!r} does not hold: {inputs}")


def _check_contact(facts: Facts) -> TriggerDecision | None:
    if len(facts.contacts) > 1:
        return refuse(
            "several_contacts", f"{len(facts.contacts)} contacts match the event; none is chosen automatically"
        )
    if not facts.contacts:
        return refuse("no_contact", "no contact was found for the event")
    if facts.contacts[0].deleted:
        return refuse("no_contact", "the contact has been deleted at the vendor")
    return None


def _check_person(facts: Facts) -> TriggerDecision | None:
    contact, trigger = facts.contacts[0], facts.trigger
    if not contact.email:
        return refuse("no_address", "the contact has no e-mail address")
    if contact.opted_out:
        return refuse("opted_out", f"{contact.connection} says that the contact opted out")
    if facts.suppression_reason is not None:
        return refuse("suppressed", f"must not be contacted: {facts.suppression_reason}")
    if trigger.sample < 100 and not in_sample(trigger.label, f"{contact.connection}:{contact.id}", trigger.sample):
        return refuse("sample", f"not in the sample of {trigger.sample:g} %")
    if facts.veto_reason is not None:
        return refuse("veto", f"a plugin refuses: {facts.veto_reason}")
    if facts.outranked_by is not None:
        return refuse("outranked", f"trigger {facts.outranked_by!r} already leads to a survey for this event")
    if isinstance(trigger, ScheduleTrigger):
        return check_schedule(facts, trigger)
    if facts.blocked_until is not None and trigger.ignore_cooldown is None:
        return cooldown_decision(facts.limits, facts.blocked_until, facts.now, facts.zone)
    return None


def _check_unusual_volume(facts: Facts) -> TriggerDecision | None:
    limits = facts.limits
    if isinstance(facts.trigger, ScheduleTrigger):  # an operator has confirmed how many people it has
        return None
    if facts.released or facts.reached < limits.unusual:
        return None
    baseline = facts.baseline()
    if facts.reached < unusual_threshold(limits, baseline):
        return None
    detail = f"the trigger reached {facts.reached} people within {format_duration(limits.unusual_within)}"
    detail += f", unusual is {limits.unusual} and {limits.unusual_factor:g} times its average of {baseline:.3g}"
    return TriggerDecision("held", "unusual", f"{detail}; held until an operator releases or refuses it")


def unusual_threshold(limits: Limits, baseline: float) -> float:
    """Number of people reached within `unusual_within` from which on the next event is held.

    Args:
        limits: the configured limits.
        baseline: average number of people that the trigger reaches per `unusual_within`.
    """
    return max(limits.unusual, limits.unusual_factor * baseline)


def _earliest_due_at(facts: Facts) -> datetime:
    """Return when the survey mail would be due (UTC), never before `now`.

    The delay counts from the event, in the time zone of the contact if it is known. If the trigger has reached its
    `per_day` on that day, the mail is due at the same time of the next day with room.
    """
    per_day, zone = facts.trigger.per_day, contact_zone(facts.contacts[0].timezone, facts.zone)
    first_due_at = due_at = max(end_of_delay(facts.event.occurred_at, facts.trigger.delay, zone), facts.now)
    day = local_date(first_due_at, zone)
    while per_day is not None and facts.trigger_surveys_due(local_date(due_at, facts.zone)) >= per_day:
        day += timedelta(days=1)
        due_at = same_time_on(first_due_at, day, zone)
    return due_at


def _check_daily_cap(facts: Facts, due_at: datetime) -> TriggerDecision | None:
    cap, day = facts.limits.surveys_per_day, local_date(due_at, facts.zone)
    surveys_due = facts.surveys_due(day)
    if surveys_due < cap:
        return None
    detail = f"{surveys_due} surveys are due on {day}, surveys_per_day is {cap}; decided again the next day"
    return TriggerDecision("deferred", "daily_cap", detail, eligible_at=start_of_next_day(due_at, facts.zone))


def _format_value(value: FieldValue, field: str) -> str:
    """A value for a sentence: shortened, ``missing`` if empty, and never the name of a person."""
    if value is None or value == "":
        return "missing"
    if field == "contact.name":
        return "(the name)"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _MAX_SHOWN_VALUE else text[: _MAX_SHOWN_VALUE - 1] + "…"


_PERSON_CHECKS = (_check_person, _check_unusual_volume)
_CHECKS_FILTER_FIRST = (_check_event, _check_filter, _check_contact, *_PERSON_CHECKS)
_CHECKS_PERSON_FIRST = (_check_event, _check_contact, _check_filter, *_PERSON_CHECKS)
