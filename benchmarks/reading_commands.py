"""CPU of commands against `import sqlmodel, click`, and of `status` with more deliveries, as processes."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from benchmarks._fixtures import insert_deliveries, insert_responses
from benchmarks._processes import PROGRAM, SECRETS, write_configuration
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create

RUNS = 11
PEOPLE = 50
GOAL_RATIO = 1.5
GOAL_SECONDS = 0.05
SIZES = (1_000, 1_000_000)
BASE = (sys.executable, "-c", "import sqlmodel, click")
COMMANDS = (
    "status",
    "deliveries list",
    "events list",
    "responses list",
    "contacts list",
    "report",
    "explain person1@example.com",
    "pause",
)


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Return the median of interleaved runs of each command, in CPU seconds of the process."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _compare_commands(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        yield from _compare_sizes(Path(folder))


def _compare_commands(folder: Path) -> Iterator[tuple[str, int, float, str]]:
    config = create_product(folder, PEOPLE)
    programs = {"import sqlmodel, click": BASE} | {name: _program(config, name) for name in COMMANDS}
    spent = measure_interleaved(programs)
    base = spent.pop("import sqlmodel, click")
    yield "import sqlmodel, click", 1, base, "CPU, as all rows"
    for name, seconds in spent.items():
        ratio = seconds / base
        goal = "reached" if ratio <= GOAL_RATIO else "missed"
        yield f"nps-connect {name}", 1, seconds, f"{ratio:.2f} times the import; goal {GOAL_RATIO} {goal}"


def _compare_sizes(folder: Path) -> Iterator[tuple[str, int, float, str]]:
    programs = {}
    for size in SIZES:
        path = folder / str(size)
        path.mkdir()
        programs[f"{size:,}"] = _program(create_product(path, size), "status")
    spent = measure_interleaved(programs)
    smallest = min(spent.values())
    for name, seconds in spent.items():
        more = seconds - smallest
        goal = "reached" if more <= GOAL_SECONDS else "missed"
        remark = f"{more * 1000:+.0f} ms; goal {GOAL_SECONDS * 1000:+.0f} ms {goal}" if more else ""
        yield f"nps-connect status with {name} deliveries", 1, seconds, remark


def measure_interleaved(programs: Mapping[str, tuple[str, ...]]) -> dict[str, float]:
    """Return the median CPU seconds of each program, by name; the programs take turns."""
    spent: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(RUNS + 1):
        for name, program in programs.items():
            spent[name].append(_cpu_seconds(program))
    return {name: median(seconds[1:]) for name, seconds in spent.items()}


def create_product(folder: Path, deliveries: int) -> Path:
    """Create a ledger of so many deliveries, half of them due; returns the configuration file."""
    config, _ = write_configuration(folder, "http://127.0.0.1:9")
    url = f"sqlite:///{folder}/ledger.db"
    ledger = Ledger(url, create=True)
    create(ledger)
    insert_responses(ledger, PEOPLE)
    insert_deliveries(ledger, "crm/write_score", deliveries // 2, people=PEOPLE)
    later = datetime.now(UTC) + timedelta(days=1)
    insert_deliveries(ledger, "mail/send_survey", deliveries - deliveries // 2, people=PEOPLE, due=later, mark="later")
    ledger.close()
    return config


def _program(config: Path, command: str) -> tuple[str, ...]:
    return (*PROGRAM, "--config", str(config), *command.split())


def _cpu_seconds(program: tuple[str, ...]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    folder = Path(program[program.index("--config") + 1]).parent if "--config" in program else Path.cwd()
    environment = {**os.environ, **SECRETS, "BENCH_DATABASE": f"sqlite:///{folder}/ledger.db"}
    done = subprocess.run(program, check=False, capture_output=True, text=True, env=environment)
    if done.returncode not in {0, 1} or "Traceback" in done.stderr:
        raise RuntimeError(f"{' '.join(program)}: {done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
