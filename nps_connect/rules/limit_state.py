"""Limits in memory: running cooldowns, surveys due per day, people reached per trigger."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo

from nps_connect.rules.timing import local_date
from nps_connect.settings.model import Limits, Trigger

BASELINE_PERIOD = timedelta(days=28)
"""Four whole weeks, whose average is the usual number of people that a trigger reaches."""

DueCounter = Callable[[str | None, date], int]
"""Returns how many surveys are due on a day according to the ledger: of one trigger, or of all (None)."""


@dataclass(frozen=True, order=True)
class DeferredEvent:
    """An event that waits for the end of a cooldown; the greater of two is the newer one."""

    occurred_at: datetime
    key: str


@dataclass
class LimitState:
    """Cooldowns and counts, as loaded from the ledger and changed by every decision since.

    Attributes:
        zone: time zone of the company, in which days are counted.
        due_before: counts surveys that were due when the state was loaded; called once per trigger and day.
        cooldown_ends: by subject; ends in the past are ignored.
        reached_before: people that each trigger had reached within `unusual_within` when the state was loaded.
        baseline_reached: returns how many people a trigger reached in `BASELINE_PERIOD`, without `reached_before`.
        reached: when each survey of a trigger was decided since, in order.
        added: surveys decided since, by trigger (None = all) and due day.
        deferred: newest event that waits for the end of a cooldown, by subject of the contact.
        superseded: keys of events that no longer wait, each with the newer event that replaced it.
        last_surveys: when each recurring survey was sent last, or is due, by survey and subject.
    """

    zone: tzinfo
    due_before: DueCounter
    cooldown_ends: dict[str, datetime] = field(default_factory=dict)
    reached_before: dict[str, int] = field(default_factory=dict)
    baseline_reached: Callable[[str], int] = lambda _trigger: 0
    reached: dict[str, list[datetime]] = field(default_factory=dict)
    added: Counter[tuple[str | None, date]] = field(default_factory=Counter)
    deferred: dict[str, DeferredEvent] = field(default_factory=dict)
    superseded: dict[str, DeferredEvent] = field(default_factory=dict)
    last_surveys: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _due_cache: dict[tuple[str | None, date], int] = field(default_factory=dict)

    def due_on(self, trigger: str | None, day: date) -> int:
        """Number of surveys due on a day: of one trigger, or of all (None)."""
        key = (trigger, day)
        if key not in self._due_cache:
            self._due_cache[key] = self.due_before(trigger, day)
        return self._due_cache[key] + self.added[key]

    def blocked_until(self, subjects: Sequence[str], now: datetime) -> datetime | None:
        """End of the latest running cooldown of these subjects, or None."""
        ends = [end for subject in subjects if (end := self.cooldown_ends.get(subject)) is not None and end > now]
        return max(ends) if ends else None

    def last_survey(self, survey: str, subjects: Sequence[str]) -> datetime | None:
        """Return when a recurring survey was sent last to these subjects, or is due, or None."""
        moments = [self.last_surveys[survey, subject] for subject in subjects if (survey, subject) in self.last_surveys]
        return max(moments, default=None)

    def reached_since(self, trigger: str, since: datetime) -> int:
        """Number of people that a trigger has reached since a moment."""
        moments = self.reached.get(trigger)
        before = self.reached_before.get(trigger, 0)
        return before if moments is None else before + len(moments) - bisect_right(moments, since)

    def baseline(self, trigger: str, now: datetime, within: timedelta) -> float:
        """Average number of people that a trigger reached per `within`, in `BASELINE_PERIOD` before the latest one."""
        moments = self.reached.get(trigger, [])
        count = bisect_right(moments, now - within) - bisect_right(moments, now - BASELINE_PERIOD)
        spans = (BASELINE_PERIOD - within) / within
        return (self.baseline_reached(trigger) + max(count, 0)) / spans if spans > 0 else 0.0

    def reserve(
        self, trigger: Trigger, subjects: Sequence[str], *, due_at: datetime, now: datetime, limits: Limits
    ) -> None:
        """Count a survey and start its cooldown."""
        day = local_date(due_at, self.zone)
        self.added[None, day] += 1
        self.added[trigger.label, day] += 1
        self.reached.setdefault(trigger.label, []).append(now)
        for subject in subjects:
            self.last_surveys[trigger.survey, subject] = due_at
            self.cooldown_ends[subject] = max(due_at + limits.cooldown, self.cooldown_ends.get(subject, due_at))

    def defer(self, subjects: Sequence[str], event: DeferredEvent) -> DeferredEvent | None:
        """Let an event wait in place of older ones of the person; return a newer one that already waits, or None."""
        contacts = [subject for subject in subjects if subject.startswith("c:")]
        waiting = {self.deferred[subject] for subject in contacts if subject in self.deferred}
        others = {other for other in waiting if other.key != event.key}
        newer = max((other for other in others if other > event), default=None)
        if newer is None:
            self.superseded |= {other.key: event for other in others}
            self.deferred |= dict.fromkeys(contacts, event)
        return newer
