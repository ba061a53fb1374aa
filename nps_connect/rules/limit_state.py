"""All triggers that listen to one event, judged together: what one of them takes, the next one no longer has.

The decisions of the walk and the simulation are both made here; they differ in where the books come from.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo

from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.records.surveys import ContactHistory
from nps_connect.rules.filters import Filter
from nps_connect.rules.timing import local_date
from nps_connect.rules.trigger_decision import Facts, TriggerDecision, check_trigger, superseded_decision
from nps_connect.settings.model import Limits, Trigger


@dataclass(frozen=True, order=True)
class DeferredEvent:
    """An event that waits for the end of a cooldown; the greater one is the newer one."""

    occurred_at: datetime
    key: str


DueCounter = Callable[[str | None, date], int]
"""How many surveys were due on a day before the books were opened: of one trigger, or of all (none)."""

BASELINE_PERIOD = timedelta(days=28)
"""The past that tells how many people are usual for a trigger: four whole weeks."""


def _nobody(_trigger: str) -> int:
    return 0


@dataclass
class LimitState:
    """What has been taken: cooldowns, room on each day, people reached.

    Attributes:
        zone: the company's time zone; days are its days.
        before: what was due before the books were opened.
        until: ends of cooldowns, by subject; those that are over do no harm.
        counted: how many people each trigger had reached within `unusual_within` when the books were opened.
        earlier: how many people a trigger had reached in `BASELINE_PERIOD`, without those of `counted`.
        reached: when each trigger's surveys since were decided, in order.
        taken: surveys that were added to a day since, by trigger and over all (none).
        waiting: the newest event that waits for the end of a cooldown, by subject of a person.
        replaced: keys of events that waited, each with the newer event that waits in its place now.
    """

    zone: tzinfo
    before: DueCounter
    until: dict[str, datetime] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    earlier: Callable[[str], int] = _nobody
    reached: dict[str, list[datetime]] = field(default_factory=dict)
    taken: Counter[tuple[str | None, date]] = field(default_factory=Counter)
    waiting: dict[str, DeferredEvent] = field(default_factory=dict)
    replaced: dict[str, DeferredEvent] = field(default_factory=dict)
    _known: dict[tuple[str | None, date], int] = field(default_factory=dict)

    def due_on(self, trigger: str | None, day: date) -> int:
        """How many surveys are due on a day."""
        key = (trigger, day)
        if key not in self._known:
            self._known[key] = self.before(trigger, day)
        return self._known[key] + self.taken[key]

    def blocked_until(self, subjects: Sequence[str], now: datetime) -> datetime | None:
        """When the latest running cooldown of these subjects ends, or none."""
        ends = [end for subject in subjects if (end := self.until.get(subject)) is not None and end > now]
        return max(ends) if ends else None

    def reached_since(self, trigger: str, since: datetime) -> int:
        """How many people a trigger has reached since a moment."""
        moments = self.reached.get(trigger)
        counted = self.counted.get(trigger, 0)
        return counted if moments is None else counted + len(moments) - bisect_right(moments, since)

    def usual(self, trigger: str, now: datetime, within: timedelta) -> float:
        """How many people a trigger reached on average per `within` in `BASELINE_PERIOD`, the present time left out."""
        moments = self.reached.get(trigger, [])
        count = bisect_right(moments, now - within) - bisect_right(moments, now - BASELINE_PERIOD)
        spans = (BASELINE_PERIOD - within) / within
        return (self.earlier(trigger) + max(count, 0)) / spans if spans > 0 else 0.0

    def take(self, trigger: str, subjects: Sequence[str], *, due: datetime, now: datetime, limits: Limits) -> None:
        """Write a yes down."""
        day = local_date(due, self.zone)
        self.taken[None, day] += 1
        self.taken[trigger, day] += 1
        self.reached.setdefault(trigger, []).append(now)
        for subject in subjects:
            self.until[subject] = max(due + limits.cooldown, self.until.get(subject, due))

    def wait(self, subjects: Sequence[str], mine: DeferredEvent) -> DeferredEvent | None:
        """Let an event wait, and no older one of the same person; the newer one that waits already, or none."""
        persons = [subject for subject in subjects if subject.startswith("c:")]
        others = {self.waiting[one] for one in persons if one in self.waiting and self.waiting[one].key != mine.key}
        newer = max((other for other in others if other > mine), default=None)
        if newer is None:
            self.replaced |= {other.key: mine for other in others}
            self.waiting |= dict.fromkeys(persons, mine)
        return newer


@dataclass(frozen=True)
class Person:
    """The one person whom an event is about.

    Attributes:
        subjects: under which the person and the mailbox cool down, sorted; merged contacts included.
        suppressed: why they must not be written to, or none.
        history: their past with us.
    """

    subjects: tuple[str, ...]
    suppressed: str | None = None
    history: ContactHistory = field(default_factory=ContactHistory)


@dataclass(frozen=True)
class Candidate:
    """One event before its judge.

    Attributes:
        event: the event, completed.
        contacts: the people found for it.
        person: what the application knows of the one person; none where there is not exactly one.
        now: the present moment.
        seen_at: when the event came in, or was last replayed.
        before: earlier verdicts on it, by trigger label.
    """

    event: Event
    contacts: tuple[Contact, ...]
    person: Person | None
    now: datetime
    seen_at: datetime
    before: Mapping[str, str] = field(default_factory=dict)


RELEASED = "released"
"""The verdict on a held event that the operator has released: it is decided again."""

REDECIDE = "again"
"""The verdict on an event whose "no" the operator has taken back after a fix: it is decided again."""

OPEN_VERDICTS = (None, "deferred", RELEASED, REDECIDE)

VetoCheck = Callable[[Trigger], str | None]


def evaluate(
    case: Candidate,
    triggers: Sequence[Trigger],
    books: LimitState,
    *,
    limits: Limits,
    filters: Mapping[str, Filter],
    veto: VetoCheck | None,
) -> list[tuple[Trigger, TriggerDecision]]:
    """Rule on every trigger that has no final verdict yet; each yes is taken from the books at once.

    An event that leads to a survey, or is held for one, is not taken by a trigger of lower priority.

    Args:
        case: the event.
        triggers: those that listen to it, in the order of the configuration.
        books: what has been taken; changed here.
        limits: the configured limits.
        filters: compiled, by trigger label.
        veto: asks the plugins for a refusal; none if no plugin ever refuses.
    """
    winner = next((label for label, verdict in case.before.items() if verdict == "yes"), None)
    rulings = []
    for trigger in sorted(triggers, key=lambda one: -one.priority):
        verdict = case.before.get(trigger.label)
        if verdict not in OPEN_VERDICTS:
            winner = winner or (trigger.label if verdict == "held" else None)
            continue
        ruling = check_trigger(_build_facts(case, trigger, books, limits, filters, veto, winner, verdict))
        if ruling.verdict == "yes" and case.person is not None and ruling.due_at is not None:
            winner = trigger.label
            books.take(winner, case.person.subjects, due=ruling.due_at, now=case.now, limits=limits)
        elif ruling.verdict == "held":
            winner = trigger.label
        elif ruling.verdict == "deferred" and ruling.reason == "cooldown" and case.person is not None:
            newer = books.wait(case.person.subjects, DeferredEvent(case.event.occurred_at, case.event.key))
            ruling = superseded_decision(newer.key) if newer else ruling
        rulings.append((trigger, ruling))
    return rulings


def _build_facts(
    case: Candidate,
    trigger: Trigger,
    books: LimitState,
    limits: Limits,
    filters: Mapping[str, Filter],
    veto: VetoCheck | None,
    winner: str | None,
    verdict: str | None,
) -> Facts:
    person = case.person
    return Facts(
        trigger=trigger,
        event=case.event,
        now=case.now,
        limits=limits,
        filter=filters.get(trigger.label),
        contacts=case.contacts,
        suppressed=person.suppressed if person else None,
        vetoed=veto(trigger) if person and veto else None,
        history=person.history if person else None,
        days=lambda day: books.due_on(None, day),
        trigger_surveys_due=lambda day: books.due_on(trigger.label, day),
        outranked_by=winner,
        blocked_until=books.blocked_until(person.subjects, case.now) if person else None,
        reached=books.reached_since(trigger.label, case.now - limits.unusual_within),
        usual=lambda: books.usual(trigger.label, case.now, limits.unusual_within),
        released=verdict == RELEASED,
        seen_at=case.seen_at,
        zone=books.zone,
    )
