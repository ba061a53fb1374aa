"""Simulate: evaluate the triggers of a configuration over recorded events; nothing is sent or written.

The evaluator is the one that decides. Its limits start as they were at the first event and then live in memory: a
survey that the simulated triggers decide on counts as sent when it is due.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Text, cast, func, select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.tables import DecisionRow, EventRow
from nps_connect.records.events import Event
from nps_connect.rules.trigger_decision import Candidate, TriggerDecision, superseded_decision
from nps_connect.services.context import Context
from nps_connect.services.decisions.trigger_evaluator import TriggerEvaluator
from nps_connect.services.operations.simulation_diff import SimulationDiff, compare_planned
from nps_connect.services.operations.simulation_state import SimulationState
from nps_connect.settings.model import Trigger

EventProgress = Callable[[int, int], None]
"""Called with the number of processed events and the number of all events."""

EVENTS_PER_PAGE = 1000

NEVER_COMPLETED = "never_completed"
"""In place of a reason: no trigger used this kind when the event came in, so it has neither contacts nor fields."""

_NEEDS_COMPLETION = ("no_contact", "filter")
"""Reasons that mean nothing for an event that was never completed."""


@dataclass(frozen=True)
class SimulatedSurvey:
    """A survey that the triggers would lead to.

    Attributes:
        contact: connection and vendor id, as ``connection:id``.
        event_id: the event behind it.
        trigger: label of the trigger.
        survey: name of the survey.
        due_at: when its mail would be due.
    """

    contact: str
    event_id: int
    trigger: str
    survey: str
    due_at: datetime


@dataclass
class SimulationResult:
    """What a configuration would have decided.

    Attributes:
        events: number of evaluated events.
        surveys: in the order of their events.
        reasons: number of decisions by reason; `NEVER_COMPLETED` where the decision is unknown.
        never_completed: number of events with such decisions.
    """

    events: int = 0
    surveys: list[SimulatedSurvey] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    never_completed: int = 0


@dataclass(frozen=True, order=True)
class _RecordedEvent:
    """An event and the moment at which it is evaluated."""

    now: datetime
    id: int
    connection: str = field(compare=False)
    received_at: datetime = field(compare=False)
    event: Event = field(compare=False)
    is_completed: bool = field(compare=False)


@dataclass
class _DecisionLog:
    """The decisions so far.

    Attributes:
        decisions: trigger, decision and event, by event id and trigger label.
        deferred_ids: event ids of deferred events, by key.
        unknown: event id and trigger label of decisions on events that were never completed.
    """

    decisions: dict[int, dict[str, tuple[Trigger, TriggerDecision, Event]]] = field(default_factory=dict)
    deferred_ids: dict[str, int] = field(default_factory=dict)
    unknown: set[tuple[int, str]] = field(default_factory=set)

    def verdicts(self, event_id: int) -> dict[str, str]:
        """Verdict of each trigger on an event, by label."""
        return {label: decision.verdict for label, (_, decision, _) in self.decisions.get(event_id, {}).items()}

    def record(self, recorded: _RecordedEvent, trigger: Trigger, decision: TriggerDecision) -> None:
        if not recorded.is_completed and decision.reason in _NEEDS_COMPLETION:
            self.unknown.add((recorded.id, trigger.label))
        self.decisions.setdefault(recorded.id, {})[trigger.label] = trigger, decision, recorded.event
        if decision.verdict == "deferred":
            self.deferred_ids[recorded.event.key] = recorded.id

    def supersede(self, key: str, newer_key: str) -> None:
        decisions = self.decisions.get(self.deferred_ids.get(key, 0), {})
        for label, (trigger, decision, event) in decisions.items():
            if decision.verdict == "deferred":
                decisions[label] = trigger, superseded_decision(newer_key), event


def simulate(
    ctx: Context, since: datetime, on_progress: EventProgress = lambda _done, _total: None
) -> SimulationResult:
    """Evaluate the triggers of a configuration over the events received since a moment, each when it came in.

    Events that would be decided again after now (at the end of a cooldown, or of a full day) are not.
    """
    log, evaluator, now = _DecisionLog(), TriggerEvaluator(ctx), ctx.clock()
    waiting: list[_RecordedEvent] = []
    done = 0
    with ctx.ledger.read() as session:
        count = select(func.count()).select_from(EventRow).where(col(EventRow.received_at) >= since)
        total = int(session.execute(count).scalar_one())
        state = SimulationState(ctx, session, since, with_history=evaluator.needs_history)
        for recorded in _in_time_order(_load_recorded(session, since), waiting, evaluator):
            if recorded.now > now:
                continue
            is_first_time = recorded.now == recorded.received_at
            if is_first_time and done % EVENTS_PER_PAGE == 0:
                on_progress(done, total)
            done += is_first_time
            due_again_at = _evaluate(recorded, evaluator, state, log)
            if due_again_at is not None:
                heapq.heappush(waiting, replace(recorded, now=due_again_at))
    on_progress(total, total)
    return _build_result(log, total)


def _evaluate(
    recorded: _RecordedEvent, evaluator: TriggerEvaluator, state: SimulationState, log: _DecisionLog
) -> datetime | None:
    """Decide one event; return when it is decided again, or None."""
    event, now = recorded.event, recorded.now
    person = state.load_person(event, now)
    candidate = Candidate(event, event.contacts, person, now, recorded.received_at, log.verdicts(recorded.id))
    eligible_at = []
    for trigger, decision in evaluator.evaluate(recorded.connection, candidate, state.limit_state):
        log.record(recorded, trigger, decision)
        if decision.verdict == "yes" and decision.due_at is not None:
            state.record_survey(event, decision.due_at)
        if decision.verdict == "deferred" and decision.eligible_at is not None:
            eligible_at.append(decision.eligible_at)
    for key, newer in state.limit_state.superseded.items():
        log.supersede(key, newer.key)
    state.limit_state.superseded.clear()
    return min(eligible_at, default=None)


def compare_results(old: SimulationResult, new: SimulationResult) -> SimulationDiff[SimulatedSurvey]:
    """Return how the new result differs from the old one, by person and survey."""
    return compare_planned(_number_surveys(old.surveys), _number_surveys(new.surveys))


def _number_surveys(surveys: list[SimulatedSurvey]) -> dict[tuple[str, str, int], SimulatedSurvey]:
    """Surveys by contact, survey name and a running number, so that the n-th ones are compared with each other."""
    counts: Counter[tuple[str, str]] = Counter()
    numbered = {}
    for survey in sorted(surveys, key=lambda survey: survey.due_at):
        key = (survey.contact, survey.survey)
        numbered[*key, counts[key]] = survey
        counts[key] += 1
    return numbered


def _build_result(log: _DecisionLog, total: int) -> SimulationResult:
    result = SimulationResult(events=total, never_completed=len({event_id for event_id, _ in log.unknown}))
    for event_id, decisions in sorted(log.decisions.items()):
        for label, (trigger, decision, event) in sorted(decisions.items(), key=itemgetter(0)):
            is_unknown = (event_id, label) in log.unknown
            result.reasons[NEVER_COMPLETED if is_unknown else decision.reason] += 1
            if decision.verdict == "yes" and decision.due_at is not None:
                contact = f"{event.contacts[0].connection}:{event.contacts[0].id}"
                result.surveys.append(SimulatedSurvey(contact, event_id, label, trigger.survey, decision.due_at))
    return result


def _load_recorded(session: Session, since: datetime) -> Iterator[_RecordedEvent]:
    """The events in the order in which they came in, read page by page."""
    columns: tuple[Any, ...] = (EventRow.id, EventRow.connection, EventRow.received_at, cast(EventRow.record, Text))
    last_at, last_id = since, 0
    while True:
        is_same_moment = (col(EventRow.received_at) == last_at) & (col(EventRow.id) > last_id)
        query = select(*columns).where(
            col(EventRow.received_at) >= last_at, (col(EventRow.received_at) > last_at) | is_same_moment
        )
        page = session.execute(query.order_by(col(EventRow.received_at), col(EventRow.id)).limit(EVENTS_PER_PAGE)).all()
        if not page:
            return
        events = {event_id: Event.model_validate_json(record) for event_id, _, _, record in page}
        open_ids = _never_completed(session, events)
        for event_id, connection, received_at, _ in page:
            is_completed = event_id not in open_ids
            yield _RecordedEvent(received_at, event_id, connection, received_at, events[event_id], is_completed)
        last_at, last_id = page[-1][2], page[-1][0]


def _never_completed(session: Session, events: Mapping[int, Event]) -> set[int]:
    """Ids of events whose contact was never looked up: they have a contact key, but no contacts and no decisions."""
    nameless = [event_id for event_id, event in events.items() if event.contact_key and not event.contacts]
    if not nameless:
        return set()
    decided = select(col(DecisionRow.event_id)).where(in_list(col(DecisionRow.event_id), "ids"))
    return set(nameless) - set(session.execute(decided, {"ids": nameless}).scalars())


def _in_time_order(
    recorded: Iterator[_RecordedEvent], waiting: list[_RecordedEvent], evaluator: TriggerEvaluator
) -> Iterator[_RecordedEvent]:
    """Recorded events by time, merged with deferred ones that are decided again; those of one moment by priority."""
    for _, group in groupby(recorded, key=lambda event: (event.now, event.connection)):
        simultaneous = list(group)
        while waiting and waiting[0] < simultaneous[0]:
            yield heapq.heappop(waiting)
        yield from evaluator.sort_by_priority(simultaneous)
    while waiting:
        yield heapq.heappop(waiting)
