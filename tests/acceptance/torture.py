"""`make torture`: the kill tests again and again with other seeds, until enough kills or out of time; writes a report.

Usage: ``python tests/acceptance/torture.py [MINUTES] [KILLS PER DATABASE]``
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REPORT = HERE.parent.parent / "docs" / "torture.md"
ROUNDS = {"SQLite": "test_kill.py", "PostgreSQL": "test_cluster.py"}
KILLS = 20


def main(minutes: float, wanted: int) -> int:
    """Torture both databases in turns; returns the exit code."""
    end = time.monotonic() + minutes * 60
    done: list[dict[str, Any]] = []
    failed: list[str] = []
    seed = 100
    with tempfile.TemporaryDirectory() as folder:
        collected = Path(folder, "rounds")
        while time.monotonic() < end:
            left = [name for name in ROUNDS if sum(one["kills"] for one in done if one["database"] == name) < wanted]
            if not left:
                break
            for name in left:
                seed += 1
                if not _round(name, seed, collected, end - time.monotonic()):
                    failed.append(f"{name}, seed {seed}")
            if collected.exists():
                done = [json.loads(line) for line in collected.read_text().splitlines()]
    REPORT.write_text(_told(done, failed, minutes, wanted), encoding="utf-8")
    sys.stdout.write(REPORT.read_text(encoding="utf-8"))
    return 1 if failed else 0


def _round(name: str, seed: int, collected: Path, seconds: float) -> bool:
    environ = os.environ | {
        "NPS_CONNECT_TORTURE_KILLS": str(KILLS),
        "NPS_CONNECT_TORTURE_SEED": str(seed),
        "NPS_CONNECT_TORTURE_REPORT": str(collected),
    }
    command = [sys.executable, "-m", "pytest", "-q", str(HERE / ROUNDS[name])]
    if seconds < 60:
        return True
    return subprocess.run(command, env=environ, check=False, stdout=subprocess.DEVNULL).returncode == 0


def _told(done: list[dict[str, Any]], failed: list[str], minutes: float, wanted: int) -> str:
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, shared with other work"
    lines = [
        "# Torture",
        "",
        "`make torture` kills the product with SIGKILL at moments left to chance, while webhooks come in (each one twice),",
        "mail goes out and customers answer, and then compares what the simulated vendors and the mailbox hold with what",
        "had to happen: every answer's score on its contact, one ticket for each detractor, nobody mailed twice, and who",
        "got no mail held and listed. On SQLite `run` is killed and started again; on PostgreSQL one of two workers",
        "beside `serve`, and all database connections are cut once in each round.",
        "",
        f"Bounds: {minutes:g} minutes, {wanted} kills on each database. Python {platform.python_version()}, {machine}.",
        "",
        "| database | rounds | kills | people | mails | mails held | answers | tickets |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in ROUNDS:
        mine = [one for one in done if one["database"] == name]
        sums = [sum(one[key] for one in mine) for key in ("kills", "people", "mails", "held", "answers", "tickets")]
        lines.append(f"| {name} | {len(mine)} | {' | '.join(map(str, sums))} |")
    verdict = "Nothing was lost and nothing happened twice." if not failed else f"Failed: {'; '.join(failed)}."
    short = [name for name in ROUNDS if sum(one["kills"] for one in done if one["database"] == name) < wanted]
    if short:
        verdict += f" The time was over before {wanted} kills on {' and '.join(short)}."
    return "\n".join([*lines, "", verdict, ""])


if __name__ == "__main__":
    minutes_, wanted_, *_ = [*map(float, sys.argv[1:]), *(30.0, 200.0)[len(sys.argv) - 1 :]]
    sys.exit(main(minutes_, int(wanted_)))
