"""Effects of changed triggers: both configurations decide the same invented events.

The values of the events are those on both sides of every limit that a filter names, so that each condition holds for
some event and fails for another.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import product
from math import prod
from typing import Any, NamedTuple

from nps_connect.records.base import FieldValue
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.records.surveys import ContactHistory
from nps_connect.rules.config_effects.effect import Effect, join_words
from nps_connect.rules.config_effects.probe_values import probe_values
from nps_connect.rules.evaluate import evaluate
from nps_connect.rules.filters import Filter
from nps_connect.rules.limit_state import LimitState
from nps_connect.rules.trigger_decision import Candidate, Person
from nps_connect.settings.durations import Delay, format_delay
from nps_connect.settings.model import Settings, Trigger

MAX_PROBES = 2_000
"""Beyond, a repeatable sample of the combinations is compared."""

Side = tuple[Settings, Mapping[str, Filter]]
"""A configuration, and its compiled filters by trigger label."""


class _Outcome(NamedTuple):
    """What a trigger does with an event."""

    survey: str
    delay: Delay
    sample: float
    touchpoint: str | None
    language: str | None
    per_day: int | None
    ignores_cooldown: bool


class _Probe(NamedTuple):
    """An invented event: when it happened, and the values that filters read."""

    at: datetime
    values: tuple[tuple[str, FieldValue], ...]


Change = tuple[_Outcome | None, _Outcome | None]


def find_trigger_effects(old: Side, new: Side, now: datetime) -> Iterator[Effect]:
    """Yield which events lead to other surveys, or to surveys at other times or for other people."""
    kinds = dict.fromkeys((trigger.source, trigger.on) for settings, _ in (old, new) for trigger in settings.triggers)
    for source, kind in kinds:
        sides = [
            (
                settings,
                filters,
                [trigger for trigger in settings.triggers if (trigger.source, trigger.on) == (source, kind)],
            )
            for settings, filters in (old, new)
        ]
        changes: dict[Change, list[_Probe]] = defaultdict(list)
        for probe in _build_probes(sides, now):
            before, after = (_decide(*side, probe) for side in sides)
            changes[before, after].append(probe)
        for change, probes in changes.items():
            if change[0] != change[1]:
                is_always = all(other[0] != change[0] for other in changes if other != change)
                condition = "" if is_always else _describe_probe(probes[0], now)
                yield Effect("trigger", _describe_change(*change, f"{kind} of {source}") + condition)


def _build_probes(
    sides: Sequence[tuple[Settings, Mapping[str, Filter], Sequence[Trigger]]], now: datetime
) -> list[_Probe]:
    """Return events that differ in everything that these triggers look at."""
    triggers = [trigger for _, _, listening in sides for trigger in listening]
    filters = [
        filters[trigger.label] for _, filters, listening in sides for trigger in listening if trigger.label in filters
    ]
    values = probe_values(filters)
    limits = {day for trigger in triggers for day in (trigger.active_from, trigger.active_until) if day is not None}
    noons = {datetime.combine(day, time(12), UTC) for day in limits}
    moments = sorted({now, *(noon + timedelta(days=days) for noon in noons for days in (-1, 0, 1))})
    options = [[(name, value) for value in candidates] for name, candidates in values.items()]
    if len(moments) * prod(map(len, options)) <= MAX_PROBES:
        return [_Probe(at, pairs) for at in moments for pairs in product(*options)]
    rng = random.Random(0)  # noqa: S311  # repeatable, no secret
    return [
        _Probe(rng.choice(moments), tuple(rng.choice(candidates) for candidates in options)) for _ in range(MAX_PROBES)
    ]


def _decide(
    settings: Settings, filters: Mapping[str, Filter], triggers: Sequence[Trigger], probe: _Probe
) -> _Outcome | None:
    """Return what a configuration does with an event of a person without cooldown; None means no survey."""
    if not triggers:
        return None
    sampled = {trigger.label: trigger.sample for trigger in triggers}
    everybody = [trigger.model_copy(update={"sample": 100.0}) for trigger in triggers]
    limit_state = LimitState(settings.core.zone, lambda _trigger, _day: 0)
    decisions = evaluate(
        _candidate(triggers[0], probe), everybody, limit_state, limits=settings.limits, filters=filters, check_veto=None
    )
    trigger = next((trigger for trigger, decision in decisions if decision.verdict == "yes"), None)
    if trigger is None:
        return None
    return _Outcome(
        trigger.survey,
        trigger.delay,
        sampled[trigger.label],
        trigger.touchpoint,
        trigger.language,
        trigger.per_day,
        trigger.ignore_cooldown is not None,
    )


def _candidate(trigger: Trigger, probe: _Probe) -> Candidate:
    values = dict(probe.values)
    domain = values.pop("contact.email_domain", None)
    person: dict[str, Any] = {name: values.pop(f"contact.{name}", None) for name in ("language", "name", "timezone")}
    history = {name.removeprefix("history."): value for name, value in values.items() if name.startswith("history.")}
    contact = Contact(connection=trigger.source, id="compared", email=f"person@{domain or 'example.com'}", **person)
    event = Event(
        key="compared",
        kind=trigger.on,
        object_id="compared",
        occurred_at=probe.at,
        contacts=(contact,),
        fields={name: value for name, value in values.items() if not name.startswith("history.")},
    )
    history = {name: value for name, value in history.items() if value is not None}
    record = ContactHistory.model_validate(history)
    return Candidate(event, event.contacts, Person(("compared",), None, record), probe.at, probe.at)


def _describe_change(old: _Outcome | None, new: _Outcome | None, event: str) -> str:
    if new is None:
        return f"{event} no longer leads to {old.survey if old else 'a survey'}"
    if old is None:
        delay = f" {format_delay(new.delay)} later" if new.delay.wait and new.delay.day is None else ""
        day = f", {format_delay(new.delay)}" if new.delay.day is not None else ""
        share = f", for {new.sample:g} % of the contacts" if new.sample < 100 else ""
        return f"{event} now leads to {new.survey}{delay}{day}{share}"
    if old.survey != new.survey:
        return f"{event} leads to {new.survey} instead of {old.survey}"
    return f"{new.survey} after {event} {join_words(list(_describe_differences(old, new)))}"


def _describe_differences(old: _Outcome, new: _Outcome) -> Iterator[str]:
    if old.delay != new.delay:
        yield f"is sent after {format_delay(new.delay)} instead of {format_delay(old.delay)}"
    if old.sample != new.sample:
        yield f"goes to {new.sample:g} % of the contacts instead of {old.sample:g} %"
    if old.per_day != new.per_day:
        yield f"is limited to {new.per_day or 'no number'} a day instead of {old.per_day or 'no number'}"
    if old.touchpoint != new.touchpoint:
        yield f"has touchpoint {new.touchpoint or 'of the survey'} instead of {old.touchpoint or 'that of the survey'}"
    if old.language != new.language:
        yield f"is in {new.language or 'the contact language'} instead of {old.language or 'the contact language'}"
    if old.ignores_cooldown != new.ignores_cooldown:
        yield "ignores the cooldown" if new.ignores_cooldown else "respects the cooldown again"


def _describe_probe(probe: _Probe, now: datetime) -> str:
    day = [f"on {probe.at.date()}"] if probe.at != now else []
    values = [f"{name} = {value!r}" for name, value in probe.values if value is not None]
    missing = [f"without {name}" for name, value in probe.values if value is None]
    parts = [*day, *([f"with {join_words(values)}"] if values else []), *missing]
    return f", for example {', '.join(parts)}"
