"""Simulate: run the rules of a configuration over recorded events; nothing is sent or written.

The judge is the one of the walk. Its books begin with what was true at the first event and then live in memory: a
survey that the simulated rules decide on is taken to be sent when it is due.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Text, cast, func, select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.tables import DecisionRow, EventRow
from nps_connect.records.events import Event
from nps_connect.rules.limit_state import Candidate
from nps_connect.rules.trigger_decision import TriggerDecision, superseded_decision
from nps_connect.services.context import Context
from nps_connect.services.decisions.trigger_evaluator import TriggerEvaluator
from nps_connect.services.operations.simulation_state import SimulationState
from nps_connect.settings.model import Trigger

EventProgress = Callable[[int, int], None]
"""Hears how many of how many events are done."""

EVENTS_PER_PAGE = 1000

NEVER_COMPLETED = "never_completed"
"""In place of a reason: nobody listened when the event came in, so its people and fields were never asked for."""

_NEEDS_COMPLETION = ("no_contact", "filter")
"""Reasons that mean nothing for an event that was never completed."""


@dataclass(frozen=True)
class SimulatedSurvey:
    """A survey that the rules would lead to.

    Attributes:
        contact: the person, as connection and vendor id.
        event_id: the event behind it.
        trigger: whose survey it is.
        survey: which one.
        due_at: when its mail would be due.
    """

    contact: str
    event_id: int
    trigger: str
    survey: str
    due_at: datetime


@dataclass
class SimulationResult:
    """What a configuration would have done.

    Attributes:
        events: how many were looked at.
        asked: the surveys, in the order of their events.
        reasons: how many decisions there are of each reason; `NEVER_COMPLETED` where none can be told.
        never_completed: how many events those are.
    """

    events: int = 0
    asked: list[SimulatedSurvey] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    never_completed: int = 0


@dataclass(frozen=True)
class SimulationDiff:
    """How a new outcome differs from an old one, person by person and survey by survey.

    Attributes:
        added: only in the new one.
        removed: only in the old one.
        moved: in both at another time: before and after.
    """

    added: tuple[SimulatedSurvey, ...]
    removed: tuple[SimulatedSurvey, ...]
    moved: tuple[tuple[SimulatedSurvey, SimulatedSurvey], ...]


@dataclass(frozen=True, order=True)
class _RecordedEvent:
    now: datetime
    id: int
    connection: str = field(compare=False)
    received_at: datetime = field(compare=False)
    event: Event = field(compare=False)
    completed: bool = field(compare=False)


@dataclass
class _DecisionLog:
    """The verdicts so far."""

    verdicts: dict[int, dict[str, str]] = field(default_factory=dict)
    rulings: dict[tuple[int, str], tuple[Trigger, TriggerDecision, Event]] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    unknown: set[tuple[int, str]] = field(default_factory=set)

    def note(self, one: _RecordedEvent, trigger: Trigger, ruling: TriggerDecision) -> None:
        if not one.completed and ruling.reason in _NEEDS_COMPLETION:
            self.unknown.add((one.id, trigger.label))
        self.verdicts.setdefault(one.id, {})[trigger.label] = ruling.verdict
        self.rulings[one.id, trigger.label] = trigger, ruling, one.event
        if ruling.verdict == "deferred":
            self.keys[one.event.key] = one.id

    def replace(self, key: str, newer: str) -> None:
        event_id = self.keys.get(key)
        for label, verdict in self.verdicts.get(event_id or 0, {}).items():
            if event_id is not None and verdict == "deferred":
                trigger, _, event = self.rulings[event_id, label]
                self.verdicts[event_id][label] = "no"
                self.rulings[event_id, label] = trigger, superseded_decision(newer), event


def simulate(ctx: Context, since: datetime, told: EventProgress = lambda _done, _all: None) -> SimulationResult:
    """Run the rules of a configuration over the events that came in since a moment, each at the moment it came in.

    What falls due later than now (the end of a cooldown, the day after a full one) is not decided again.
    """
    docket, bench, now = _DecisionLog(), TriggerEvaluator(ctx), ctx.clock()
    waiting: list[_RecordedEvent] = []
    done = 0
    with ctx.ledger.read() as session:
        total = _count_events(session, since)
        world = SimulationState(ctx, session, since, with_history=bench.needs_history)
        for one in _in_time_order(_load_recorded(session, since), waiting, bench):
            if one.now > now:
                continue
            fresh = one.now == one.received_at
            if fresh and done % EVENTS_PER_PAGE == 0:
                told(done, total)
            done += fresh
            before = docket.verdicts.get(one.id, {})
            person = world.person(one.event, one.now)
            case = Candidate(one.event, one.event.contacts, person, one.now, one.received_at, dict(before))
            again = []
            for trigger, ruling in bench.rule(one.connection, case, world.limit_state):
                docket.note(one, trigger, ruling)
                if ruling.verdict == "yes" and ruling.due_at is not None:
                    world.sent(one.event, ruling.due_at)
                if ruling.verdict == "deferred" and ruling.eligible_at is not None:
                    again.append(ruling.eligible_at)
            if again:
                heapq.heappush(waiting, replace(one, now=min(again)))
            for key, newer in world.limit_state.replaced.items():
                docket.replace(key, newer.key)
            world.limit_state.replaced.clear()
    told(total, total)
    return _build_result(docket, total)


def compare_results(old: SimulationResult, new: SimulationResult) -> SimulationDiff:
    """How the new outcome differs from the old one."""
    before, after = _number_surveys(old.asked), _number_surveys(new.asked)
    return SimulationDiff(
        added=tuple(after[key] for key in after if key not in before),
        removed=tuple(before[key] for key in before if key not in after),
        moved=tuple(
            (before[key], after[key]) for key in before if key in after and before[key].due_at != after[key].due_at
        ),
    )


def _number_surveys(asked: list[SimulatedSurvey]) -> dict[tuple[str, str, int], SimulatedSurvey]:
    """Each survey of a person under a number of its own, so that the second one is compared with the second one."""
    times: Counter[tuple[str, str]] = Counter()
    found = {}
    for one in sorted(asked, key=lambda one: one.due_at):
        key = (one.contact, one.survey)
        found[*key, times[key]] = one
        times[key] += 1
    return found


def _build_result(docket: _DecisionLog, total: int) -> SimulationResult:
    outcome = SimulationResult(events=total, never_completed=len({event_id for event_id, _ in docket.unknown}))
    for (event_id, label), (trigger, ruling, event) in sorted(docket.rulings.items(), key=lambda item: item[0]):
        unknown = (event_id, label) in docket.unknown
        outcome.reasons[NEVER_COMPLETED if unknown else ruling.reason] += 1
        if ruling.verdict == "yes" and ruling.due_at is not None:
            contact = f"{event.contacts[0].connection}:{event.contacts[0].id}"
            outcome.asked.append(SimulatedSurvey(contact, event_id, label, trigger.survey, ruling.due_at))
    return outcome


def _count_events(session: Session, since: datetime) -> int:
    query = select(func.count()).select_from(EventRow).where(col(EventRow.received_at) >= since)
    return int(session.execute(query).scalar_one())


def _load_recorded(session: Session, since: datetime) -> Iterator[_RecordedEvent]:
    """The events in the order in which they came in, page by page."""
    columns: tuple[Any, ...] = (EventRow.id, EventRow.connection, EventRow.received_at, cast(EventRow.record, Text))
    at, last = since, 0
    while True:
        newer = (col(EventRow.received_at) > at) | ((col(EventRow.received_at) == at) & (col(EventRow.id) > last))
        query = select(*columns).where(col(EventRow.received_at) >= at, newer)
        page = session.execute(query.order_by(col(EventRow.received_at), col(EventRow.id)).limit(EVENTS_PER_PAGE)).all()
        if not page:
            return
        events = {event_id: Event.model_validate_json(record) for event_id, _, _, record in page}
        open_ones = _never_completed(session, events)
        for event_id, connection, received_at, _ in page:
            event, completed = events[event_id], event_id not in open_ones
            yield _RecordedEvent(received_at, event_id, connection, received_at, event, completed)
        at, last = page[-1][2], page[-1][0]


def _never_completed(session: Session, events: Mapping[int, Event]) -> set[int]:
    """Which of these events nobody has looked people up for: they name somebody, but no trigger decided on them."""
    nameless = [event_id for event_id, event in events.items() if event.contact_key and not event.contacts]
    if not nameless:
        return set()
    decided = select(col(DecisionRow.event_id)).where(in_list(col(DecisionRow.event_id), "ids"))
    return set(nameless) - set(session.execute(decided, {"ids": nameless}).scalars())


def _in_time_order(
    recorded: Iterator[_RecordedEvent], waiting: list[_RecordedEvent], bench: TriggerEvaluator
) -> Iterator[_RecordedEvent]:
    """Events as they came in, and in between those whose waiting is over; those of one moment by priority."""
    for (_, connection), group in groupby(recorded, key=lambda one: (one.now, one.connection)):
        together = list(group)
        while waiting and waiting[0] < together[0]:
            yield heapq.heappop(waiting)
        yield from bench.sort_by_priority(connection, together, lambda one: one.event)
    while waiting:
        yield heapq.heappop(waiting)
