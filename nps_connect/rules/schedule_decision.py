"""Decisions on the slots of recurring surveys: a blocked one moves within its period, or is refused with a reason."""

from __future__ import annotations

from datetime import datetime, tzinfo

from nps_connect.records.events import Event
from nps_connect.rules.schedule import spacing
from nps_connect.rules.timing import local_date
from nps_connect.rules.trigger_decision import Facts, TriggerDecision, refuse
from nps_connect.settings.intervals import format_interval
from nps_connect.settings.model import ScheduleTrigger

PERIOD_FIELD, SLOT_FIELD, CLOSES_AT_FIELD = "schedule_period", "schedule_slot", "schedule_closes_at"
"""Fields of the events of a schedule: number of the period, the contact's slot, and the end of the period. No field of
a contact, which the filter of a population may name, is called so."""


def check_schedule(facts: Facts, trigger: ScheduleTrigger) -> TriggerDecision | None:
    """Defer a slot to the end of a running cooldown if that lies in its period, else refuse it; None if nothing blocks.

    The cooldown is that of the limits, and half of `every` since the last survey of the schedule.
    """
    reasons = [(facts.blocked_until, "the cooldown ends on {day}")]
    if facts.last_survey is not None:
        half = f"half of every ({format_interval(trigger.every)}) after its last survey is {{day}}"
        reasons.append((facts.last_survey + spacing(trigger.every), half))
    blocked = [(until, text) for until, text in reasons if until is not None and until > facts.now]
    if not blocked:
        return None
    until, text = max(blocked)
    reason = text.format(day=local_date(until, facts.zone))
    closes_at = _closing_moment(facts.event)
    if closes_at is None or until < closes_at:
        return TriggerDecision("deferred", "cooldown", f"{reason}; the slot moves there, within its period", until)
    detail = f"{reason}, after the end of this period on {local_date(closes_at, facts.zone)}"
    return refuse("cooldown", f"{detail}; the next slot is in the next period", until)


def describe_slot(trigger: ScheduleTrigger, event: Event, zone: tzinfo) -> str:
    """Return why a schedule reaches a person now: its interval, the slot, and the end of the period."""
    text = f"surveys.{trigger.survey} asks every {format_interval(trigger.every)}"
    slot, closes_at = event.fields.get(SLOT_FIELD), _closing_moment(event)
    if not isinstance(slot, str) or closes_at is None:
        return text
    day = local_date(datetime.fromisoformat(slot), zone)
    return f"{text}, the slot of this contact is {day}, in the period until {local_date(closes_at, zone)}"


def _closing_moment(event: Event) -> datetime | None:
    value = event.fields.get(CLOSES_AT_FIELD)
    return datetime.fromisoformat(value) if isinstance(value, str) else None
