"""CPU of commands against `import sqlmodel, click`, and of `status` with more deliveries, as processes.

The processes use compiled modules, as an installed product does: the first run of each, which compiles them, is not
counted. The figures are user and system time of the process, so that other load on the machine counts little.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import insert

from benchmarks._fixtures import insert_deliveries, insert_responses
from benchmarks._processes import PROGRAM, RunTimes, run_program, write_configuration
from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create
from nps_connect.ledger.suppressions import BounceRow, SuppressionRow
from nps_connect.ledger.tables import EventRow

RUNS = 11
PEOPLE = 50
GOAL_RATIO = 1.5
GOAL_MORE_SECONDS = 0.05
GOAL_PAUSE_SECONDS = 2.0
SIZES = (1_000, 1_000_000)
BASE_NAME = "import sqlmodel, click"
BASE = (sys.executable, "-c", BASE_NAME)
STATES = {"answers": "answers", "locked": "is locked by another process"}
COMMANDS = (
    "status",
    "report",
    "explain person1@example.com",
    "contacts list",
    "deliveries list",
    "events list",
    "responses list",
    "suppressions list",
    "bounces list",
    "cases list",
    "audit list",
    "workers list",
    "surveys list",
    "triggers list",
    "routes list",
    "reviews report",
)


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Return the median CPU of interleaved runs of each command."""
    for rows in (_compare_commands, _compare_sizes, _measure_pause):
        with tempfile.TemporaryDirectory() as folder:
            yield from rows(Path(folder))


def _compare_commands(folder: Path) -> Iterator[tuple[str, int, float, str]]:
    config = create_product(folder, PEOPLE)
    times = measure_interleaved(folder, {BASE_NAME: BASE} | {name: _program(config, name) for name in COMMANDS})
    base = times.pop(BASE_NAME).cpu
    yield BASE_NAME, 1, base, "CPU, as all rows"
    for name, run in times.items():
        ratio = run.cpu / base
        goal = "reached" if ratio <= GOAL_RATIO else "missed"
        yield f"nps-connect {name}", 1, run.cpu, f"{ratio:.2f} times the import; goal {GOAL_RATIO} {goal}"


def _compare_sizes(folder: Path) -> Iterator[tuple[str, int, float, str]]:
    programs = {}
    for size in SIZES:
        path = folder / str(size)
        path.mkdir()
        programs[f"{size:,}"] = _program(create_product(path, size), "status")
    times = measure_interleaved(folder, programs)
    smallest = min(run.cpu for run in times.values())
    for name, run in times.items():
        more = run.cpu - smallest
        goal = "reached" if more <= GOAL_MORE_SECONDS else "missed"
        remark = f"{more * 1000:+.0f} ms; goal {GOAL_MORE_SECONDS * 1000:+.0f} ms {goal}" if more else ""
        yield f"nps-connect status with {name} deliveries", 1, run.cpu, remark


def _measure_pause(folder: Path) -> Iterator[tuple[str, int, float, str]]:
    """Measure `pause` on a database that answers, and on one that another process has locked."""
    for name, state in STATES.items():
        (folder / name).mkdir()
        program = {name: _program(create_product(folder / name, PEOPLE), "pause")}
        with closing(sqlite3.connect(folder / name / "ledger.db", isolation_level=None)) as other:
            if name == "locked":
                other.execute("BEGIN IMMEDIATE")
            run = measure_interleaved(folder, program)[name]
        goal = "reached" if run.wall <= GOAL_PAUSE_SECONDS else "missed"
        remark = f"{run.wall:.2f} s from start to end; goal {GOAL_PAUSE_SECONDS:.0f} s {goal}"
        yield f"nps-connect pause, the database {state}", 1, run.cpu, remark


def measure_interleaved(folder: Path, programs: Mapping[str, tuple[str, ...]]) -> dict[str, RunTimes]:
    """Return the median times of each program, by name; the programs take turns. `status` may find something."""
    runs: dict[str, list[RunTimes]] = {name: [] for name in programs}
    for _ in range(RUNS + 1):
        for name, program in programs.items():
            allowed = (0, 1) if "status" in program else (0,)
            runs[name].append(run_program(program, folder, allowed=allowed))
    return {
        name: RunTimes(median(run.cpu for run in counted[1:]), median(run.wall for run in counted[1:]))
        for name, counted in runs.items()
    }


def create_product(folder: Path, deliveries: int) -> Path:
    """Create a ledger of so many deliveries, half of them due; returns the configuration file."""
    config, _ = write_configuration(folder, "http://127.0.0.1:9")
    ledger = Ledger(f"sqlite:///{folder}/ledger.db", create=True)
    create(ledger)
    now = datetime.now(UTC)
    insert_responses(ledger, PEOPLE)
    _insert_listed_rows(ledger, now)
    insert_deliveries(ledger, "crm/write_score", deliveries // 2, people=PEOPLE)
    later = now + timedelta(days=1)
    insert_deliveries(ledger, "mail/send_survey", deliveries - deliveries // 2, people=PEOPLE, due=later, mark="later")
    ledger.close()
    return config


def _insert_listed_rows(ledger: Ledger, now: datetime) -> None:
    """Insert one row about each person into the tables of the other lists."""
    people = range(1, PEOPLE + 1)
    event = {"connection": "crm", "kind": "deal.won", "source": "webhook", "occurred_at": now, "received_at": now}
    event |= {"queue_name": "crm/decide", "state": "succeeded", "due_at": now, "attempts": 0, "record": {}}
    case = {"connection": "desk", "state": "open", "opened_at": now, "deadline": now, "reopened": 0}
    bounce = {"kind": "soft", "source": "operator", "at": now, "detail": "452 mailbox full", "concerns_mailbox": True}
    suppression = {"reason": "opted_out", "source": "operator", "created_at": now}
    audit = {"at": now, "actor_kind": "cli", "actor_name": "operator", "command": "pause", "object": "connection:mail"}
    with ledger.write() as session:
        session.execute(
            insert(EventRow), [event | {"key": f"e-{n}", "object_id": str(n), "contact_id": n} for n in people]
        )
        session.execute(
            insert(CaseRow), [case | {"response_id": n, "contact_id": n, "ticket_id": f"{n}"} for n in people]
        )
        session.execute(
            insert(BounceRow), [bounce | {"key": f"b-{n}", "contact_id": n, "mailbox": f"{n:064x}"} for n in people]
        )
        session.execute(insert(SuppressionRow), [suppression | {"subject": f"c:{n}"} for n in people])
        session.execute(insert(AuditRow), [audit for _ in people])


def _program(config: Path, command: str) -> tuple[str, ...]:
    return (*PROGRAM, "--config", str(config), *command.split())
