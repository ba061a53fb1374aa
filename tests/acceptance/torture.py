"""`make torture`: the fault suite in its long form, with other seeds, until enough kills or out of time; writes a report.

Usage: ``python tests/acceptance/torture.py [MINUTES] [KILLS PER DATABASE]``
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REPORT = HERE.parent.parent / "docs" / "torture.md"
KILLS = 50
"""In one round; then everything is compared."""

FAULTS = 6
LAST_START_SECONDS = 240.0
"""Seconds before the end after which no round begins."""

TOTAL_COLUMNS = ("kills", "faults", "people", "mails", "held", "answers", "tickets")


@dataclass(frozen=True)
class TortureTest:
    """One test in its long form; the first of each database is repeated until there were enough kills."""

    database: str
    test: str


TORTURE_TESTS = (
    TortureTest("SQLite", "test_process_kill.py::test_run_killed_at_any_moment_loses_nothing_and_doubles_nothing"),
    TortureTest("SQLite", "test_database_outage.py::test_a_disk_that_is_full_for_a_while_costs_nothing"),
    TortureTest("SQLite", "test_vendor_faults.py::test_on_sqlite_nothing_is_lost_and_nothing_happens_twice"),
    TortureTest(
        "PostgreSQL",
        "test_process_kill.py::test_web_and_workers_killed_and_connections_cut_lose_nothing_and_double_nothing",
    ),
    TortureTest(
        "PostgreSQL", "test_rolling_restart.py::test_processes_that_are_replaced_one_by_one_leave_nothing_in_doubt"
    ),
    TortureTest(
        "PostgreSQL",
        "test_database_outage.py::test_a_server_that_is_restarted_and_hangs_up_in_the_middle_costs_nothing",
    ),
    TortureTest("PostgreSQL", "test_vendor_faults.py::test_two_workers_lose_nothing_and_double_nothing"),
)


class TortureRounds:
    """What was done and what failed.

    Args:
        folder: where rounds write down what they did.
        end: when to end, on the monotonic clock.
        wanted: kills per database.
    """

    def __init__(self, folder: Path, end: float, wanted: int) -> None:
        self._folder, self._end, self.wanted = folder, end, wanted
        self.failed: list[str] = []

    def torture(self, database: str, seed: int) -> None:
        """Everything on one database."""
        first, *others = [one for one in TORTURE_TESTS if one.database == database]
        while self.kills(database) < self.wanted and self._in_time():
            seed += 1
            self._round(first, seed)
        for one in others:
            if self._in_time():
                seed += 1
                self._round(one, seed)

    def done(self) -> list[dict[str, Any]]:
        """Every round that went well."""
        return [json.loads(line) for file in self._folder.glob("*.jsonl") for line in file.read_text().splitlines()]

    def kills(self, database: str) -> int:
        """How many there were."""
        return sum(one["kills"] for one in self.done() if one["what"].endswith(database))

    def _in_time(self) -> bool:
        return time.monotonic() < self._end - LAST_START_SECONDS

    def _round(self, torture: TortureTest, seed: int) -> None:
        environ = os.environ | {
            "NPS_CONNECT_TORTURE_KILLS": str(min(KILLS, max(1, self.wanted - self.kills(torture.database)))),
            "NPS_CONNECT_TORTURE_FAULTS": str(FAULTS),
            "NPS_CONNECT_TORTURE_SEED": str(seed),
            "NPS_CONNECT_TORTURE_REPORT": str(self._folder / f"{torture.database}.jsonl"),
        }
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-n0", str(HERE / torture.test)],
            env=environ, check=False, capture_output=True, text=True,
        )  # fmt: skip
        name = torture.test.partition("::")[2]
        sys.stderr.write(f"{time.monotonic() - began:5.0f} s  seed {seed}  {torture.database}  {name}\n")
        if done.returncode:
            self.failed.append(f"{name} on {torture.database}, seed {seed}")
            sys.stderr.write(done.stdout[-6000:])


def main(minutes: float, wanted: int) -> int:
    """Torture both databases at once; returns the exit code."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        rounds = TortureRounds(Path(folder), began + minutes * 60, wanted)
        threads = [
            threading.Thread(target=rounds.torture, args=(database, seed))
            for database, seed in (("SQLite", 100), ("PostgreSQL", 200))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        told = _render_report(rounds, (time.monotonic() - began) / 60)
    REPORT.write_text(told, encoding="utf-8")
    sys.stdout.write(told)
    return 1 if rounds.failed else 0


def _render_report(rounds: TortureRounds, minutes: float) -> str:
    done = rounds.done()
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    lines = [
        *INTRODUCTION,
        "",
        f"Python {platform.python_version()}, {machine}, both databases at once, {minutes:.0f} minutes.",
        "",
        "| torture | rounds | kills | other faults | people | mails | mails held | answers | tickets |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for what in dict.fromkeys(one["what"] for one in done):
        mine = [one for one in done if one["what"] == what]
        lines.append(f"| {what} | {len(mine)} | {' | '.join(str(_total(mine, key)) for key in TOTAL_COLUMNS)} |")
    return "\n".join([*lines, "", _summary(rounds), ""])


def _total(rounds: Sequence[dict[str, Any]], key: str) -> int:
    return sum(one[key] for one in rounds)


def _summary(rounds: TortureRounds) -> str:
    verdict = (
        f"Failed: {'; '.join(rounds.failed)}." if rounds.failed else "Nothing was lost and nothing happened twice."
    )
    short = [database for database in ("SQLite", "PostgreSQL") if rounds.kills(database) < rounds.wanted]
    return verdict + (f" There were fewer than {rounds.wanted} kills on {' and '.join(short)}." if short else "")


INTRODUCTION = """\
# Torture

`make torture` runs the fault suite (`tests/acceptance/`) in its long form. Real processes do the work: `run` on SQLite,
`serve` and two `worker`s on PostgreSQL. Meanwhile things happen to people all the time; every webhook comes late and out
of order, and most come more than once; customers answer, and some change their mind. What is done to the product:

- *killed*: SIGKILL of a process 0.1 to 2 seconds after the last one was up again, web or worker alike; it is started
  again at once. On PostgreSQL all connections are cut once as well. Restarts are forks of a process that has imported
  the product already, so that 200 of them take minutes;
- *server restarted*: PostgreSQL is shut down, hangs up on everybody, and crashes, in turns;
- *disk full*: for a while the kernel refuses every byte that the product writes to a file;
- *rolling restart*: every process is ended by SIGTERM and started again, one after the other;
- *vendor faults*: a fifth of all requests and mails goes wrong: refused, limited, applied without an answer, cut off,
  kept waiting, answered with rubbish, credentials refused.

After each round everything is brought to its end and compared with what had to happen: everybody asked once; no mail
twice, and who got none is held and listed; every answer kept; the newest score on each contact; one ticket for each
detractor and none for anybody else; everybody who answered asked for a review; nothing dead.""".splitlines()


if __name__ == "__main__":
    minutes_, wanted_, *_ = [*map(float, sys.argv[1:]), *(30.0, 200.0)[len(sys.argv) - 1 :]]
    sys.exit(main(minutes_, int(wanted_)))
