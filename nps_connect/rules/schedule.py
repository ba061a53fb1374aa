"""Recurring surveys: periods, each contact's slot in them, and how missed slots are spread. Pure.

Moments are seconds since 1970 (UTC), because a scan compares millions of them. Periods are counted from a fixed epoch
and in UTC, so that neither a restart nor another time zone of the company moves anybody's slot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from nps_connect.rules.sampling import stable_hash
from nps_connect.settings.intervals import Interval, format_interval

EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
"""Start of period 0: a Monday, and the first day of a month and of a year."""

SCAN_INTERVAL = timedelta(days=1)
OUTAGE_AFTER = timedelta(hours=36)
"""Slots of a longer time without a scan count as missed. Those of a shorter one are few."""

UPCOMING_DAYS = 30
CLOCK_TOLERANCE = timedelta(minutes=5)
UNUSUAL_GROWTH = 2.0
"""A population is held if it grows from one scan to the next to more than this multiple, and by `limits.unusual`."""

_HASH_RANGE = 2.0**64


class SchedulePeriod(NamedTuple):
    """One period of an interval, from `start` up to `end`."""

    number: int
    start: float
    end: float


@dataclass(frozen=True)
class CatchUp:
    """Slots that passed without a survey, and when they come instead.

    Attributes:
        since, until: the slots after `since` up to `until`.
        over: seconds after `until` over which they are spread, in the same order.
    """

    since: float
    until: float
    over: float

    @property
    def end(self) -> float:
        """The moment at which the last of these slots comes."""
        return self.until + self.over

    def move(self, moment: float) -> float:
        """Return when a slot comes; unchanged if it is not one of these."""
        if self.since < moment <= self.until:
            return self.until + (moment - self.since) / (self.until - self.since) * self.over
        return moment


class DueSlot(NamedTuple):
    """A slot of a contact with its moment.

    Attributes:
        period: number of the period.
        slot: the slot itself.
        due_at: when the contact is due: the slot, unless it was missed, or comes too early after the last survey.
        closes_at: the end of the period; a survey that cannot be sent until then is not sent.
    """

    period: int
    slot: float
    due_at: float
    closes_at: float


@dataclass(frozen=True)
class Schedule:
    """The slots that one scan looks at.

    Attributes:
        survey: name of the survey.
        every: the interval.
        since: slots up to this moment were handled by earlier scans.
        now: the moment of the scan.
        horizon: no later slots are looked at.
        catch_ups: missed slots, in the order in which they were missed.
    """

    survey: str
    every: Interval
    since: float
    now: float
    horizon: float
    catch_ups: tuple[CatchUp, ...] = ()

    @property
    def spacing(self) -> float:
        """The least number of seconds between two surveys to one contact."""
        return spacing(self.every).total_seconds()

    def periods(self) -> tuple[SchedulePeriod, ...]:
        """Return the periods whose slots can be due from `since` to `horizon`."""
        lead = max((catch_up.end - catch_up.since for catch_up in self.catch_ups), default=0.0) + self.spacing
        number = period_at(self.every, self.since - lead).number
        periods = [build_period(self.every, number)]
        while periods[-1].end <= self.horizon:
            periods.append(build_period(self.every, periods[-1].number + 1))
        return tuple(periods)


def spacing(every: Interval) -> timedelta:
    """Return the least time between two surveys of a schedule to one person: half of the interval."""
    return every.length / 2


def build_period(every: Interval, number: int) -> SchedulePeriod:
    """Return a period by its number; periods before `EPOCH` have negative numbers."""
    return SchedulePeriod(number, _period_start(every, number), _period_start(every, number + 1))


def period_at(every: Interval, moment: float) -> SchedulePeriod:
    """Return the period that a moment lies in."""
    elapsed = moment - EPOCH.timestamp()
    number = int(elapsed // every.length.total_seconds())
    while _period_start(every, number) > moment:
        number -= 1
    while _period_start(every, number + 1) <= moment:
        number += 1
    return build_period(every, number)


def slot_share(survey: str, contact: str) -> float:
    """Return where in each period the slot of a contact lies, from 0 up to 1; the same in every period.

    Args:
        survey: name of the survey.
        contact: connection and vendor id of the contact.
    """
    return stable_hash("schedule", survey, contact) / _HASH_RANGE


def due_slots(
    schedule: Schedule, periods: Sequence[SchedulePeriod], share: float, last: float | None, eligible_at: float | None
) -> Iterator[DueSlot]:
    """Yield the slots of a contact that are due after `since` up to `horizon`, in order.

    A slot at or before the last survey is done. One that comes too early after it moves to a later moment of its
    period; if its period ends before, the contact was surveyed within the period already. Each slot that is yielded
    counts as a survey for the next.

    Args:
        schedule: the scan.
        periods: as returned by its `periods`.
        share: of the contact, see `slot_share`.
        last: the last survey of the contact, or None.
        eligible_at: a new contact is not surveyed earlier; None means no limit.
    """
    since, horizon, spacing_seconds = schedule.since, schedule.horizon, schedule.spacing
    for number, start, end in periods:
        slot = due_at = start + share * (end - start)
        if slot > horizon:
            return
        for catch_up in schedule.catch_ups:
            due_at = catch_up.move(due_at)
        if due_at <= since and last is None:
            continue
        closes_at = end + (due_at - slot)
        if last is not None:
            if last >= slot:
                continue
            due_at = max(due_at, last + spacing_seconds)
        is_early = eligible_at is not None and due_at < eligible_at
        if since < due_at <= horizon and due_at < closes_at and not is_early:
            yield DueSlot(number, slot, due_at, closes_at)
            last = due_at


@dataclass(frozen=True)
class Progress:
    """How far the scans of a schedule have come.

    Attributes:
        every: text of the interval of the last scan; None before the first.
        since: slots up to this moment were handled; None before the first scan that made events.
        catch_ups: missed slots that are not over.
    """

    every: str | None = None
    since: float | None = None
    catch_ups: tuple[CatchUp, ...] = ()


def begin_scan(progress: Progress, every: Interval, now: float, restored_at: float | None) -> Progress:
    """Return the progress with which a scan begins: what was missed since the last one is to be caught up.

    Slots that the database lost by a restore stay where they were, so that their mail is held as in doubt.

    Args:
        progress: after the last scan.
        every: the interval now.
        now: the moment of the scan.
        restored_at: the database was restored from a backup then; None if it was not, or that is settled.
    """
    progress = _correct_future(progress, now)
    every_text, length = format_interval(every), every.length.total_seconds()
    lost_until = min(restored_at, now) if restored_at is not None else None
    if progress.since is None or progress.every != every_text:
        period = period_at(every, now)
        over = max(period.end - now, length / 2)  # in the last days of a period its rest would be too short for all
        if lost_until is not None and lost_until > period.start:
            return Progress(every_text, period.start, (CatchUp(lost_until, now, over),))
        return Progress(every_text, now, (CatchUp(period.start, now, over),))
    catch_ups = tuple(catch_up for catch_up in progress.catch_ups if catch_up.end > progress.since)
    has_lost = lost_until is not None and lost_until > progress.since
    missed_since = lost_until if has_lost and lost_until is not None else progress.since
    if now - missed_since <= OUTAGE_AFTER.total_seconds():
        return replace(progress, catch_ups=catch_ups)
    since = max(progress.since, now - length) if has_lost else now
    missed_since = max(missed_since, now - length)
    return Progress(every_text, since, (*catch_ups, CatchUp(missed_since, now, now - missed_since)))


def is_unusual_growth(people: int, usual: int, unusual: int) -> bool:
    """Return whether a population has grown so much that an operator must confirm it.

    Args:
        people: those found, perhaps not all yet.
        usual: those of the last accepted scan.
        unusual: of the limits.
    """
    return people > UNUSUAL_GROWTH * usual and people > usual + unusual


def _period_start(every: Interval, number: int) -> float:
    if every.months:
        months = number * every.months
        return EPOCH.replace(year=EPOCH.year + months // 12, month=months % 12 + 1).timestamp()
    return (EPOCH + number * every.fixed).timestamp()


def _correct_future(progress: Progress, now: float) -> Progress:
    """Return the progress without what a clock that was ahead has left in it; the slots since then are looked at again.

    Nobody is surveyed twice by that: the events have keys, and surveys a distance.
    """
    if progress.since is None or progress.since <= now + CLOCK_TOLERANCE.total_seconds():
        return progress
    wrong = [catch_up for catch_up in progress.catch_ups if catch_up.until > now]
    kept = tuple(catch_up for catch_up in progress.catch_ups if catch_up.until <= now)
    return replace(progress, since=min([now, *(catch_up.since for catch_up in wrong)]), catch_ups=kept)
