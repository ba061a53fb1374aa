"""Periods, slots, first runs, outages and changes of `every`: when a recurring survey asks whom."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hypothesis_settings import ledger_settings

from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.rules.evaluate import evaluate
from nps_connect.rules.limit_state import LimitState
from nps_connect.rules.schedule import (
    Progress,
    Schedule,
    begin_scan,
    build_period,
    due_slots,
    is_unusual_growth,
    period_at,
    slot_share,
    spacing,
)
from nps_connect.rules.schedule_decision import CLOSES_AT_FIELD
from nps_connect.rules.trigger_decision import Candidate, Person
from nps_connect.settings.intervals import Interval, format_interval, parse_interval
from nps_connect.settings.model import Limits, ScheduleTrigger, Trigger

DAY = 86_400.0
START = datetime(2026, 3, 10, 9, tzinfo=UTC).timestamp()
HALF_YEAR = parse_interval("6 months")


def moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "every", "shown"),
    [
        ("6 months", Interval(months=6), "6 months"),
        ("1 year", Interval(months=12), "12 months"),
        ("1 Month", Interval(months=1), "1 month"),
        ("26 weeks", Interval(fixed=timedelta(weeks=26)), "182d"),
        ("90d", Interval(fixed=timedelta(days=90)), "90d"),
    ],
)
def test_interval_is_a_number_of_calendar_months_or_a_fixed_time(text, every, shown):
    assert parse_interval(text) == every
    assert format_interval(every) == shown
    assert parse_interval(shown) == every


@pytest.mark.parametrize("text", ["", "soon", "6", "1d", "6 days", "11 years", "-6 months", 6, "1.5 months"])
def test_other_texts_and_less_than_a_week_are_no_interval(text):
    with pytest.raises(ValueError, match=r"not an interval|shorter than a week|longer than ten years"):
        parse_interval(text)


def test_periods_of_months_begin_with_a_month_and_those_of_days_are_counted_from_the_epoch():
    period = period_at(HALF_YEAR, START)
    assert (period.start, period.end) == (moment("2026-01-01"), moment("2026-07-01"))
    assert build_period(HALF_YEAR, 0).start == build_period(parse_interval("90d"), 0).start == moment("2001-01-01")
    assert period_at(HALF_YEAR, moment("1999-12-31")).end == moment("2000-01-01")
    weeks = period_at(parse_interval("2 weeks"), START)
    assert weeks.end - weeks.start == 14 * DAY
    assert datetime.fromtimestamp(weeks.start, UTC).weekday() == 0


def test_population_grows_unusually_if_it_doubles_and_by_more_than_the_limit():
    assert is_unusual_growth(2001, 1000, 50)
    assert not is_unusual_growth(2000, 1000, 50)
    assert not is_unusual_growth(45, 10, 50)


class Simulation:
    """Daily scans of a population; everybody who is due is asked, as if no other rule refused."""

    def __init__(self, every: Interval, now: float = START) -> None:
        self.every, self.now = every, now
        self.progress = Progress()
        self.asked: dict[str, list[float]] = {}
        self.joined: dict[str, float] = {}
        self.per_day: Counter[int] = Counter()

    def scan(self, people: list[str]) -> None:
        scan = begin_scan(self.progress, self.every, self.now, None)
        assert scan.since is not None
        schedule = Schedule("survey", self.every, scan.since, self.now, self.now, scan.catch_ups)
        periods = schedule.periods()
        for person in people:
            last = self.asked.get(person, [None])[-1]
            for slot in due_slots(schedule, periods, SHARES[person], last, None):
                assert slot.due_at < slot.closes_at
                assert last is None or self.now - last >= schedule.spacing, person
                last = self.now
                self.asked.setdefault(person, []).append(self.now)
                self.per_day[int(self.now // DAY)] += 1
        self.progress = replace(scan, since=self.now)


PEOPLE = [f"crm:{number}" for number in range(400)]
SHARES = {person: slot_share("survey", person) for person in PEOPLE}


def test_first_run_spreads_passed_slots_over_the_rest_of_the_period_or_at_least_half_of_one():
    for start in ("2026-02-01", "2026-06-29"):
        simulation = Simulation(HALF_YEAR, moment(start))
        for _ in range(300):
            simulation.scan(PEOPLE)
            simulation.now += DAY
        first = {person: times[0] for person, times in simulation.asked.items()}
        assert len(first) == len(PEOPLE)
        assert max(simulation.per_day.values()) < 400 / 182 * 6
        end = max(moment("2026-07-01"), moment(start) + 92 * DAY)
        assert sum(time > end + DAY for time in first.values()) == 0


def test_slots_missed_in_n_days_are_spread_over_the_next_n_days():
    simulation = Simulation(HALF_YEAR, moment("2026-01-01"))
    simulation.scan(PEOPLE)
    simulation.now += DAY
    simulation.scan(PEOPLE)
    before = set(simulation.asked)
    missed = {person for person in PEOPLE if 2 < slot_share("survey", person) * 181 < 40} - before
    simulation.now = moment("2026-02-10")
    simulation.scan(PEOPLE)
    assert set(simulation.asked) == before, "missed slots come at once"
    for _ in range(40):
        simulation.now += DAY
        simulation.scan(PEOPLE)
    assert missed <= set(simulation.asked)
    assert max(simulation.per_day.values()) < 400 / 181 * 6


def test_new_contact_is_asked_by_the_first_slot_after_the_first_delay():
    period = period_at(HALF_YEAR, START)
    schedule = Schedule("survey", HALF_YEAR, period.start, period.start, period.end + 200 * DAY)
    share = 0.25
    slot = period.start + share * (period.end - period.start)
    early = next(due_slots(schedule, schedule.periods(), share, None, slot - DAY))
    late = next(due_slots(schedule, schedule.periods(), share, None, slot + DAY))
    assert (early.period, late.period) == (period.number, period.number + 1)


def test_clock_that_was_a_year_ahead_stops_nothing():
    simulation = Simulation(HALF_YEAR, moment("2026-01-01"))
    for step in (1, 365, -364):
        simulation.scan(PEOPLE)
        simulation.now += step * DAY
    for _ in range(400):
        simulation.scan(PEOPLE)
        simulation.now += DAY
    assert len(simulation.asked) == len(PEOPLE)
    gaps = [later - earlier for times in simulation.asked.values() for earlier, later in pairwise(times)]
    assert min(gaps) >= spacing(HALF_YEAR).total_seconds()


def test_after_a_restore_what_the_database_lost_keeps_its_moment():
    progress = Progress("6 months", moment("2026-02-01"))
    scan = begin_scan(progress, HALF_YEAR, moment("2026-02-21"), moment("2026-02-20"))
    assert (scan.since, scan.catch_ups) == (moment("2026-02-01"), ())
    schedule = Schedule("survey", HALF_YEAR, scan.since or 0, moment("2026-02-21"), moment("2026-02-21"))
    due = [
        slot
        for person in PEOPLE
        for slot in due_slots(schedule, schedule.periods(), slot_share("survey", person), None, None)
    ]
    assert due
    assert all(slot.due_at == slot.slot for slot in due)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("run"), st.integers(10, 120)),
        st.tuples(st.just("outage"), st.integers(2, 60)),
        st.tuples(st.just("every"), st.sampled_from(["3 months", "6 months", "1 year", "120d", "26 weeks"])),
        st.tuples(st.just("join"), st.integers(10, 80)),
        st.tuples(st.just("leave"), st.integers(10, 80)),
    ),
    max_size=10,
)


@ledger_settings(25)
@given(st.sampled_from(["3 months", "6 months", "26 weeks"]), st.integers(0, 364), steps)
def test_two_years_of_scans_keep_distance_and_spread_and_leave_nobody_out(every_text, first_day, actions):
    """Two years with outages, changes of `every`, and people who come and go; each scan checks the distance."""
    intervals = [parse_interval(every_text), *(parse_interval(value) for action, value in actions if action == "every")]
    simulation = Simulation(intervals[0], moment("2026-01-01") + first_day * DAY + 9 * 3600)
    end = simulation.now + 730 * DAY
    people, reserve = PEOPLE[:100], PEOPLE[100:180]
    member_since = dict.fromkeys(people, simulation.now)
    outage_days = 0.0
    for action, value in [*actions, ("run", 730)]:
        if action == "run":
            for _ in range(int(value)):
                if simulation.now < end:
                    simulation.scan(people)
                    simulation.now += DAY
        elif action == "outage":
            simulation.now += value * DAY
            outage_days += value
        elif action == "every":
            simulation.every = parse_interval(value)
        elif action == "join":
            people, reserve = [*people, *reserve[:value]], reserve[value:]
            member_since = dict.fromkeys(people, simulation.now) | member_since
        else:
            people, gone = people[value:], people[:value]
            member_since = {person: since for person, since in member_since.items() if person not in gone}
    lengths = [every.length.total_seconds() for every in intervals]
    assert max(simulation.per_day.values(), default=0) <= 6 * 180 * DAY / min(lengths) + 6
    longest_wait = max(lengths) * (1.55 + len(lengths) - 1) + 2 * outage_days * DAY
    for person, since in member_since.items():
        last = max([since, *(time for time in simulation.asked.get(person, []) if time >= since)])
        assert simulation.now - last <= longest_wait, f"{person} is left out"


class DecidedSimulation(Simulation):
    """Daily scans whose events are decided with the real rules, among other surveys of the same people."""

    limits = Limits(cooldown=timedelta(days=60), surveys_per_day=10_000)

    def __init__(self, every: Interval, now: float) -> None:
        super().__init__(every, now)
        self.limit_state = LimitState(UTC, lambda _trigger, _day: 0)
        self.waiting: list[tuple[float, str, Event]] = []
        self.surveys: dict[str, list[tuple[float, bool]]] = {}
        self.decisions: dict[str, list[float]] = {}

    def scan(self, people: list[str]) -> None:
        scan = begin_scan(self.progress, self.every, self.now, None)
        schedule = Schedule("survey", self.every, scan.since or 0.0, self.now, self.now, scan.catch_ups)
        periods = schedule.periods()
        due = [(person, event) for until, person, event in self.waiting if until <= self.now]
        self.waiting = [item for item in self.waiting if item[0] > self.now]
        for person in people:
            last = self.limit_state.last_survey("survey", (person,))
            for slot in due_slots(schedule, periods, SHARES[person], last.timestamp() if last else None, None):
                fields = {CLOSES_AT_FIELD: datetime.fromtimestamp(slot.closes_at, UTC).isoformat()}
                due.append((person, self.event(person, "schedule.due", **fields)))
        for person, event in due:
            trigger = ScheduleTrigger(
                on="schedule.due", source="crm", survey="survey", name="schedule:survey", every=self.every
            )
            self.decide(person, event, trigger)
        self.progress = replace(scan, since=self.now)

    def survey_otherwise(self, person: str) -> None:
        self.decide(person, self.event(person, "deal.won"), Trigger(on="deal.won", source="crm", survey="other"))

    def event(self, person: str, kind: str, **fields: str) -> Event:
        contact = Contact(connection="crm", id=person, email=f"{person[4:]}@example.com")
        at = datetime.fromtimestamp(self.now, UTC)
        key = f"{kind}:{person}:{self.now}"
        return Event(key=key, kind=kind, object_id=person, occurred_at=at, contacts=(contact,), fields=fields)

    def decide(self, person: str, event: Event, trigger: Trigger) -> None:
        now = datetime.fromtimestamp(self.now, UTC)
        candidate = Candidate(event, event.contacts, Person((person,)), now, now)
        decided = evaluate(candidate, [trigger], self.limit_state, limits=self.limits, filters={}, check_veto=None)
        for _, decision in decided:
            is_scheduled = event.kind == "schedule.due"
            if is_scheduled:
                self.decisions.setdefault(person, []).append(self.now)
            if decision.verdict == "yes":
                self.surveys.setdefault(person, []).append((self.now, is_scheduled))
                self.per_day[int(self.now // DAY)] += is_scheduled
            elif decision.verdict == "deferred":
                assert decision.eligible_at is not None
                assert decision.eligible_at < datetime.fromisoformat(str(event.fields[CLOSES_AT_FIELD]))
                self.waiting.append((decision.eligible_at.timestamp(), person, event))


@ledger_settings(12)
@given(st.sampled_from(["3 months", "6 months"]), st.integers(0, 2**32), steps)
def test_two_years_of_decisions_hold_the_cooldown_and_record_why_somebody_is_left_out(every_text, seed, actions):
    """Other surveys of the same people start cooldowns at random; outages, changes and comings and goings as above."""
    chance = random.Random(seed)
    simulation = DecidedSimulation(parse_interval(every_text), moment("2026-01-01") + 9 * 3600)
    end, people, reserve = simulation.now + 730 * DAY, PEOPLE[:60], PEOPLE[60:100]
    member_since = dict.fromkeys(people, simulation.now)
    lengths, outage_days = [simulation.every.length.total_seconds()], 0.0
    for action, value in [*actions, ("run", 730)]:
        if action == "run":
            for _ in range(int(value)):
                if simulation.now < end:
                    simulation.survey_otherwise(chance.choice(people or PEOPLE))
                    simulation.scan(people)
                    simulation.now += DAY
        elif action == "outage":
            simulation.now += value * DAY
            outage_days += value
        elif action == "every":
            simulation.every = parse_interval(value)
            lengths.append(simulation.every.length.total_seconds())
        elif action == "join":
            people, reserve = [*people, *reserve[:value]], reserve[value:]
            member_since = dict.fromkeys(people, simulation.now) | member_since
        else:
            people, gone = people[value:], people[:value]
            member_since = {person: since for person, since in member_since.items() if person not in gone}
    for surveys in simulation.surveys.values():
        assert all(later - earlier >= 60 * DAY for (earlier, _), (later, _) in pairwise(surveys)), "within the cooldown"
        scheduled = [at for at, is_scheduled in surveys if is_scheduled]
        assert all(later - earlier >= min(lengths) / 2 for earlier, later in pairwise(scheduled))
    longest_wait = max(lengths) * (1.55 + len(lengths) - 1) + 2 * outage_days * DAY
    for person, since in member_since.items():
        last = max([since, *(at for at in simulation.decisions.get(person, []) if at >= since)])
        assert simulation.now - last <= longest_wait, f"{person} is left out without a decision"
