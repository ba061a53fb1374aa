"""Scheduling a recurring survey for 1,000,000 contacts: one whole scan of the population, with its memory.

The contacts are those of the ledger, inserted with plain SQL, each with a record that the filter reads. The scan takes
place in the middle of a period: a day's share of them becomes events.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

from sqlalchemy import func, select
from sqlmodel import col

from benchmarks._fixtures import ApplicationHarness, ManualClock
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create
from nps_connect.ledger.tables import EventRow
from nps_connect.services.intake.schedule_state import load_schedules, release_schedule

PEOPLE = 1_000_000
GOAL_SECONDS = 60.0
GOAL_MEBIBYTES = 32.0
"""Growth of the process's memory by a scan."""

MIDDLE_OF_A_PERIOD = datetime(2027, 3, 15, 9, tzinfo=UTC)
SURVEY = {"channel": "mail", "every": "6 months", "population": {"from": "crm", "where": 'stage == "customer"'}}


def measure(people: int = PEOPLE) -> Iterator[tuple[str, int, float, str]]:
    """Yield each figure: text, count, seconds, remark."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        ledger = Ledger(f"sqlite:///{path}", create=True)
        create(ledger)
        _insert_contacts(path, people)
        clock = ManualClock(MIDDLE_OF_A_PERIOD)
        application = ApplicationHarness(ledger, clock, {"surveys": {"relationship": SURVEY}})
        application.rounds = 10**9
        application.run(only="crm/poll")
        with ledger.write() as session:
            [status] = load_schedules(session, application.ctx.settings)
            release_schedule(session, status, clock())
        for what in ("first scan", "scan of the next day"):
            before, started, cpu = _peak_mebibytes(), perf_counter(), process_time()
            application.run(only="crm/poll")
            spent, cpu = perf_counter() - started, process_time() - cpu
            growth = _peak_mebibytes() - before
            with ledger.read() as session:
                events = session.execute(select(func.count(col(EventRow.id)))).scalar_one()
            goal = f"; goal {GOAL_SECONDS:.0f} s " + ("reached" if spent < GOAL_SECONDS else "missed")
            remark = f"{spent:.1f} s in all, {cpu:.1f} s of CPU, {events} events, {growth:.0f} MiB more{goal}"
            yield f"recurring survey, {people:,} contacts: {what}", people, spent, remark
            if people == PEOPLE and growth > GOAL_MEBIBYTES:
                raise RuntimeError(f"a scan took {growth:.0f} MiB, promised are {GOAL_MEBIBYTES:.0f}")
            clock.forward(timedelta(days=1))
        ledger.close()


def _insert_contacts(path: Path, people: int) -> None:
    rows = (
        (
            "crm",
            str(number),
            f"person-{number}@example.com",
            f"{number:064x}",
            False,
            json.dumps(
                {
                    "connection": "crm",
                    "id": str(number),
                    "email": f"person-{number}@example.com",
                    "fields": {"stage": "customer" if number % 10 else "lead", "seats": str(number % 50)},
                }
            ),
        )
        for number in range(people)
    )
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO contacts (connection, vendor_id, email, mailbox, opted_out, record) VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )


def _peak_mebibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
