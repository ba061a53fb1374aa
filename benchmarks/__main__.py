"""Run every benchmark, or those named on the command line, and print one table.

With ``--write`` each benchmark's rows also go into docs/benchmarks.md, between its markers, with the machine as it was.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import traceback
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent
RESULTS_PAGE = HERE.parent / "docs" / "benchmarks.md"
NAMES = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
TABLE_HEADER = "| what | per second | each | remark |\n| --- | ---: | ---: | --- |"

Row = tuple[str, str, str, str]


def main(arguments: list[str]) -> int:
    """Print a row per figure; returns the exit code."""
    names = [name for name in arguments if name != "--write"]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    print(f"{machine()}\n\n| benchmark {TABLE_HEADER.replace(chr(10) + '|', chr(10) + '| --- |')}")
    failed = 0
    for name in names or NAMES:
        machine_line = machine()
        rows: list[Row] = []
        try:
            for what, count, seconds, *remark in import_module(f"benchmarks.{name}").measure():
                rows.append((what, *format_rate(count, seconds), remark[0] if remark else ""))
                print(f"| {name} | {' | '.join(rows[-1])} |", flush=True)
        except Exception:  # noqa: BLE001  # a failing benchmark must not stop the others
            traceback.print_exc()
            failed = 1
            continue
        if "--write" in arguments:
            write_table(name, rows, machine_line)
    return failed


def format_rate(count: int, seconds: float) -> tuple[str, str]:
    """Return the rate per second and the time of each; both empty where no time was measured."""
    if not count or not seconds:
        return "", ""
    each = seconds / count
    return f"{count / seconds:,.0f}", f"{each * 1e6:,.1f} µs" if each < 0.01 else f"{each * 1e3:,.1f} ms"


def machine() -> str:
    """Return what the figures depend on, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = (
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        f"{platform.system()} {platform.machine()}",
        f"{os.cpu_count()} cores",
        f"{memory:.0f} GiB",
        f"load {os.getloadavg()[0]:.1f} at the start",
        f"{datetime.now(UTC):%Y-%m-%d}",
    )
    return ", ".join(parts)


def write_table(name: str, rows: list[Row], machine_line: str) -> None:
    """Replace a benchmark's table between its markers; a new benchmark gets a section at the end of the page."""
    begin, end = f"<!-- made by benchmarks/{name}.py: begin -->", f"<!-- made by benchmarks/{name}.py: end -->"
    table = "\n".join([begin, f"{machine_line}.", "", TABLE_HEADER, *(f"| {' | '.join(row)} |" for row in rows), end])
    page = RESULTS_PAGE.read_text(encoding="utf-8")
    if begin in page:
        first, _, remainder = page.partition(begin)
        page = first + table + remainder.partition(end)[2]
    else:
        says = (import_module(f"benchmarks.{name}").__doc__ or name).strip().splitlines()[0]
        page = f"{page.rstrip()}\n\n## {name.replace('_', ' ').capitalize()}\n\n{says}\n\n{table}\n"
    RESULTS_PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
