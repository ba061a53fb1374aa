"""Intake, `explain` and `simulate` in front of a small and of a large ledger."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select

from benchmarks._house import START, House, SteadyClock, databases
from nps_connect import ContactMatch, fact_key, hookimpl
from nps_connect.flows.deciding.decide import drain_decide
from nps_connect.flows.deciding.simulate import simulate
from nps_connect.flows.intake.parse import drain_parse
from nps_connect.flows.minding.explain import explain_person, find_people
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import upgrade
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import ContactRow, DecisionRow, EventRow, InvitationRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.worker.garbage import seldom_collected

SMALL, LARGE = 1_000, 1_000_000
PEOPLE = 100_000
TAKEN_IN = 10_000
SIMULATED = 100_000
PASSING = 10
"""One event in so many passes the filter and leads to a survey."""

YEAR = timedelta(days=365)
CHUNK = 5_000
STORED = 10_000_000
"""Where the ids of what is stored beforehand begin. The newest go in first, so that no database gives them again."""

CHANGE = {
    "triggers": [
        {"on": "deal.won", "from": "crm", "survey": "after-purchase", "delay": "3d", "where": "amount >= 100"}
    ],
    "limits": {"unusual": 10_000_000, "surveys_per_day": 10_000_000},
}


class Spent(NamedTuple):
    """What work took: by the clock, and of this process's CPU."""

    seconds: float
    cpu: float


def _quick() -> Any:
    """A CRM that finds people by their number, however many there are."""
    from support.vendors import Crm

    class Quick(Crm):
        @hookimpl
        def nps_find_contacts(self, connection, keys):  # type: ignore[no-untyped-def]
            return [ContactMatch(key=key, contacts=(self.people[key.value],)) for key in keys]

    return Quick()


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Each database with 1,000 and with 1,000,000 stored events."""
    with databases() as urls, seldom_collected():  # as a working process does
        for name, url in urls.items():
            ledger = Ledger(url)
            upgrade(ledger)
            crm = _quick()
            house = House(ledger, SteadyClock(), CHANGE, acme=crm)
            house.crm = crm
            _fill(ledger, LARGE - SMALL, LARGE)
            _take_in(house, "w", 1_000)  # statements are made and planned
            small = _take_in(house, "s", TAKEN_IN)
            yield f"{name}: parse and decide, {SMALL:,} events stored", TAKEN_IN, small.seconds, _goal(small)
            _fill(ledger, 0, LARGE - SMALL)
            if not ledger.is_sqlite:
                with ledger.engine.connect() as connection:
                    connection.exec_driver_sql("ANALYZE")
            large = _take_in(house, "l", TAKEN_IN)
            ratio = large.seconds / small.seconds
            flat = f"{ratio:.2f} times the small ledger's ({large.cpu / small.cpu:.2f} of CPU)"
            flat += f"; goal 1.5 {'reached' if ratio <= 1.5 else 'missed'}"
            yield (
                f"{name}: parse and decide, {LARGE:,} events stored",
                TAKEN_IN,
                large.seconds,
                f"{_goal(large)}; {flat}",
            )
            yield _explain(name, house)
            yield _simulate(name, house)
            ledger.close()


def _goal(took: Spent) -> str:
    told = f"our own CPU {took.cpu / TAKEN_IN * 1e6:,.0f} µs each"
    return f"{told}; goal 5,000 {'reached' if TAKEN_IN / took.seconds >= 5_000 else 'missed'}"


def _take_in(house: House, mark: str, count: int) -> Spent:
    """Webhooks of 100 events about people who are not known yet; what it took until nothing of them was left to do."""
    for begin in range(0, count, 100):
        facts = []
        for number in range(begin, begin + 100):
            person = f"{mark}{number}"
            house.crm.knows(person, f"{person}@example.com", name=f"Person {number}", language="fr")
            facts.append(house.won(person, amount=200 if number % PASSING == 0 else 50, city="Lyon"))
        house.webhook(*facts)
    took = _spent(lambda: drain_parse(house.ctx, "crm") + drain_decide(house.ctx, "crm"))
    _check(house, count)
    return took


def _check(house: House, count: int) -> None:
    """Every event has its decision, the newest ones too."""
    newest = select(EventRow.state, DecisionRow.reason).outerjoin(DecisionRow, DecisionRow.event_id == EventRow.id)
    with house.ledger.read() as session:
        found = Counter(session.execute(newest.order_by(EventRow.id.desc()).limit(count)).all())
    wanted = {("succeeded", "surveyed"): count // PASSING, ("succeeded", "filter"): count - count // PASSING}
    if found != wanted:
        raise RuntimeError(f"not decided as they should be: {found}")


def _spent(work: Callable[[], int]) -> Spent:
    begun, cpu = time.perf_counter(), time.process_time()
    while work():
        pass
    return Spent(time.perf_counter() - begun, time.process_time() - cpu)


def _explain(name: str, house: House) -> tuple[str, int, float, str]:
    times = []
    with house.ledger.read() as session:
        for number in range(0, PEOPLE, PEOPLE // 50):
            begun = time.perf_counter()
            story = explain_person(session, find_people(session, f"p{number}@example.com", ["crm"]), now=START)
            times.append(time.perf_counter() - begun)
    slowest = max(times)
    told = f"{len(story.steps)} steps; slowest {slowest * 1000:,.0f} ms; goal 200 ms"
    return f"{name}: explain", len(times), sum(times), f"{told} {'reached' if slowest < 0.2 else 'missed'}"


def _simulate(name: str, house: House) -> tuple[str, int, float, str]:
    begun, cpu = time.perf_counter(), time.process_time()
    outcome = simulate(house.ctx, START - YEAR * SIMULATED / LARGE)
    took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    told = f"{took:.1f} s ({cpu:.1f} s of our own CPU) for {outcome.events:,} events"
    told += f"; goal 30 s {'reached' if took < 30 else 'missed'}"
    return f"{name}: simulate", outcome.events, took, told


def _fill(ledger: Ledger, first: int, end: int) -> None:
    """Decided events spread over the year before, ten for each person; one in ten led to a survey."""
    for begin in range(first, end, CHUNK):
        numbers = range(begin, min(begin + CHUNK, end))
        with ledger.write() as session:
            insert_many(session, ContactRow, [_contact(number % PEOPLE) for number in numbers if _first_of(number)])
            insert_many(session, EventRow, [_event(number) for number in numbers])
            insert_many(session, DecisionRow, [_decision(number) for number in numbers])
            insert_many(session, InvitationRow, [_invitation(number) for number in numbers if number % PASSING == 0])


def _first_of(number: int) -> bool:
    """Whether no event of this person has been stored before."""
    return number >= LARGE - SMALL or number < PEOPLE - SMALL


def _contact(number: int) -> dict[str, object]:
    return {
        "id": STORED + number, "connection": "crm", "vendor_id": f"p{number}", "email": f"p{number}@example.com",
        "mailbox": mailbox_hash(f"p{number}@example.com"), "language": "fr", "opted_out": False, "seen_at": START,
        "record": {"connection": "crm", "id": f"p{number}", "email": f"p{number}@example.com", "language": "fr"},
    }  # fmt: skip


def _event(number: int) -> dict[str, object]:
    at, person = _moment(number), number % PEOPLE
    key = fact_key("deal.won", f"d{number}", at)
    record = {
        "key": key, "kind": "deal.won", "object_id": f"d{number}", "occurred_at": at.isoformat(),
        "contacts": [_contact(person)["record"]], "fields": {"amount": 200 if number % PASSING == 0 else 50},
    }  # fmt: skip
    return {
        "id": STORED + number, "lane": "crm/decide", "state": "succeeded", "due_at": at, "connection": "crm",
        "key": key, "kind": "deal.won", "object_id": f"d{number}", "occurred_at": at, "received_at": at,
        "source": "webhook", "contact_id": STORED + person, "record": record, "attempts": 0,
    }  # fmt: skip


def _decision(number: int) -> dict[str, object]:
    yes = number % PASSING == 0
    return {
        "event_id": STORED + number, "trigger": "crm:deal.won:after-purchase", "survey": "after-purchase",
        "contact_id": STORED + number % PEOPLE, "verdict": "yes" if yes else "no",
        "reason": "surveyed" if yes else "filter",
        "detail": "'amount >= 100' does not hold: amount = 50", "decided_at": _moment(number),
    }  # fmt: skip


def _invitation(number: int) -> dict[str, object]:
    at = _moment(number)
    return {
        "survey": "after-purchase", "touchpoint": "purchase", "trigger": "crm:deal.won:after-purchase",
        "contact_id": STORED + number % PEOPLE, "event_id": STORED + number, "language": "fr", "state": "sent",
        "created_at": at, "due_at": at + timedelta(days=3), "sent_at": at + timedelta(days=3),
        "expires_at": at + timedelta(days=33),
    }  # fmt: skip


def _moment(number: int) -> datetime:
    return START - YEAR * (LARGE - number) / LARGE
