"""Intake, `explain` and `simulate` on a small and on a large ledger."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select

from benchmarks._fixtures import START, ApplicationHarness, ManualClock, databases
from nps_connect import ContactMatch, fact_key, hookimpl
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import ContactRow, DecisionRow, EventRow, InvitationRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.services.decisions.drain_events import drain_events
from nps_connect.services.intake.parse import drain_requests
from nps_connect.services.operations.explain import explain_person, resolve_contacts
from nps_connect.services.operations.simulate import simulate
from nps_connect.worker.gc_tuning import reduced_gc

SMALL, LARGE = 1_000, 1_000_000
PEOPLE = 100_000
INGESTED = 10_000
SIMULATED = 100_000
MATCHING_RATIO = 10
"""One event in so many passes the filter and leads to a survey."""

YEAR = timedelta(days=365)
CHUNK = 5_000
FIRST_STORED_ID = 10_000_000
"""First id of the rows stored beforehand, so high that no database assigns it again."""

SETTINGS_OVERRIDES = {
    "triggers": [
        {"on": "deal.won", "from": "crm", "survey": "after-purchase", "delay": "3d", "where": "amount >= 100"}
    ],
    "limits": {"unusual": 10_000_000, "surveys_per_day": 10_000_000},
}


class MeasuredCost(NamedTuple):
    """Duration of some work: wall-clock and CPU seconds."""

    seconds: float
    cpu: float


def _build_crm() -> Any:
    """A CRM that finds any number of contacts by id."""
    from support.fake_vendors import FakeCrm

    class Quick(FakeCrm):
        @hookimpl
        def nps_find_contacts(self, connection, keys):  # type: ignore[no-untyped-def]
            return [ContactMatch(key=key, contacts=(self.people[key.value],)) for key in keys]

    return Quick()


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Measure each database with 1,000 and with 1,000,000 stored events."""
    with databases() as urls, reduced_gc():  # as a working process does
        for name, url in urls.items():
            ledger = Ledger(url, create=True)
            create(ledger)
            crm = _build_crm()
            application = ApplicationHarness(ledger, ManualClock(), SETTINGS_OVERRIDES, acme=crm)
            application.crm = crm
            _fill(ledger, LARGE - SMALL, LARGE)
            _ingest(application, "w", 1_000)  # statements are compiled and planned
            small = _ingest(application, "s", INGESTED)
            yield f"{name}: parse and decide, {SMALL:,} events stored", INGESTED, small.seconds, _goal(small)
            _fill(ledger, 0, LARGE - SMALL)
            if not ledger.is_sqlite:
                with ledger.engine.connect() as connection:
                    connection.exec_driver_sql("ANALYZE")
            large = _ingest(application, "l", INGESTED)
            ratio = large.seconds / small.seconds
            flat = f"{ratio:.2f} times the small ledger's ({large.cpu / small.cpu:.2f} of CPU)"
            flat += f"; goal 1.5 {'reached' if ratio <= 1.5 else 'missed'}"
            yield (
                f"{name}: parse and decide, {LARGE:,} events stored",
                INGESTED,
                large.seconds,
                f"{_goal(large)}; {flat}",
            )
            yield _explain(name, application)
            yield _simulate(name, application)
            ledger.close()


def _goal(took: MeasuredCost) -> str:
    details = f"our own CPU {took.cpu / INGESTED * 1e6:,.0f} µs each"
    return f"{details}; goal 5,000 {'reached' if INGESTED / took.seconds >= 5_000 else 'missed'}"


def _ingest(application: ApplicationHarness, mark: str, count: int) -> MeasuredCost:
    """Process webhooks of 100 events about new contacts; returns the time until all are decided."""
    for begin in range(0, count, 100):
        facts = []
        for number in range(begin, begin + 100):
            person = f"{mark}{number}"
            application.crm.knows(person, f"{person}@example.com", name=f"Person {number}", language="fr")
            facts.append(application.won(person, amount=200 if number % MATCHING_RATIO == 0 else 50, city="Lyon"))
        application.webhook(*facts)
    took = _measure(lambda: drain_requests(application.ctx, "crm") + drain_events(application.ctx, "crm"))
    _check(application, count)
    return took


def _check(application: ApplicationHarness, count: int) -> None:
    """Check that every event has its decision."""
    newest = select(EventRow.state, DecisionRow.reason).outerjoin(DecisionRow, DecisionRow.event_id == EventRow.id)
    with application.ledger.read() as session:
        decision_counts = Counter(session.execute(newest.order_by(EventRow.id.desc()).limit(count)).all())
    expected_counts = {
        ("succeeded", "surveyed"): count // MATCHING_RATIO,
        ("succeeded", "filter"): count - count // MATCHING_RATIO,
    }
    if decision_counts != expected_counts:
        raise RuntimeError(f"not decided as they should be: {decision_counts}")


def _measure(work: Callable[[], int]) -> MeasuredCost:
    begun, cpu = time.perf_counter(), time.process_time()
    while work():
        pass
    return MeasuredCost(time.perf_counter() - begun, time.process_time() - cpu)


def _explain(name: str, application: ApplicationHarness) -> tuple[str, int, float, str]:
    times = []
    with application.ledger.read() as session:
        for number in range(0, PEOPLE, PEOPLE // 50):
            begun = time.perf_counter()
            story = explain_person(session, resolve_contacts(session, f"p{number}@example.com", ["crm"]), now=START)
            times.append(time.perf_counter() - begun)
    slowest = max(times)
    details = f"{len(story.entries)} entries; slowest {slowest * 1000:,.0f} ms; goal 200 ms"
    return f"{name}: explain", len(times), sum(times), f"{details} {'reached' if slowest < 0.2 else 'missed'}"


def _simulate(name: str, application: ApplicationHarness) -> tuple[str, int, float, str]:
    begun, cpu = time.perf_counter(), time.process_time()
    outcome = simulate(application.ctx, START - YEAR * SIMULATED / LARGE)
    took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    details = f"{took:.1f} s ({cpu:.1f} s of our own CPU) for {outcome.events:,} events"
    details += f"; goal 30 s {'reached' if took < 30 else 'missed'}"
    return f"{name}: simulate", outcome.events, took, details


def _fill(ledger: Ledger, first: int, end: int) -> None:
    """Insert decided events of the last year, ten per contact; one in ten led to a survey."""
    for begin in range(first, end, CHUNK):
        numbers = range(begin, min(begin + CHUNK, end))
        with ledger.write() as session:
            insert_many(session, ContactRow, [_contact(number % PEOPLE) for number in numbers if _first_id(number)])
            insert_many(session, EventRow, [_event(number) for number in numbers])
            insert_many(session, DecisionRow, [_decision(number) for number in numbers])
            insert_many(
                session, InvitationRow, [_invitation(number) for number in numbers if number % MATCHING_RATIO == 0]
            )


def _first_id(number: int) -> bool:
    """Return whether this is the first event of its contact."""
    return number >= LARGE - SMALL or number < PEOPLE - SMALL


def _contact(number: int) -> dict[str, object]:
    return {
        "id": FIRST_STORED_ID + number, "connection": "crm", "vendor_id": f"p{number}",
        "email": f"p{number}@example.com", "mailbox": mailbox_hash(f"p{number}@example.com"), "language": "fr",
        "opted_out": False,
        "record": {"connection": "crm", "id": f"p{number}", "email": f"p{number}@example.com", "language": "fr"},
    }  # fmt: skip


def _event(number: int) -> dict[str, object]:
    at, person = _event_time(number), number % PEOPLE
    key = fact_key("deal.won", f"d{number}", at)
    record = {
        "key": key, "kind": "deal.won", "object_id": f"d{number}", "occurred_at": at.isoformat(),
        "contacts": [_contact(person)["record"]], "fields": {"amount": 200 if number % MATCHING_RATIO == 0 else 50},
    }  # fmt: skip
    return {
        "id": FIRST_STORED_ID + number, "queue_name": "crm/decide", "state": "succeeded", "due_at": at,
        "connection": "crm", "key": key, "kind": "deal.won", "object_id": f"d{number}", "occurred_at": at,
        "received_at": at,
        "source": "webhook", "contact_id": FIRST_STORED_ID + person, "record": record, "attempts": 0,
    }  # fmt: skip


def _decision(number: int) -> dict[str, object]:
    yes = number % MATCHING_RATIO == 0
    return {
        "event_id": FIRST_STORED_ID + number, "trigger": "crm:deal.won:after-purchase", "survey": "after-purchase",
        "contact_id": FIRST_STORED_ID + number % PEOPLE, "verdict": "yes" if yes else "no",
        "reason": "surveyed" if yes else "filter",
        "detail": "'amount >= 100' does not hold: amount = 50", "decided_at": _event_time(number),
    }  # fmt: skip


def _invitation(number: int) -> dict[str, object]:
    at = _event_time(number)
    return {
        "public_id": f"{number:032x}", "survey": "after-purchase", "touchpoint": "purchase",
        "trigger": "crm:deal.won:after-purchase",
        "contact_id": FIRST_STORED_ID + number % PEOPLE, "event_id": FIRST_STORED_ID + number, "language": "fr",
        "state": "sent", "created_at": at, "due_at": at + timedelta(days=3), "sent_at": at + timedelta(days=3),
        "expires_at": at + timedelta(days=33),
    }  # fmt: skip


def _event_time(number: int) -> datetime:
    return START - YEAR * (LARGE - number) / LARGE
