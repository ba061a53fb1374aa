"""Run every benchmark, or those named on the command line, and print one table."""

from __future__ import annotations

import os
import platform
import sys
from importlib import import_module
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))


def main(wanted: list[str]) -> int:
    """Print a row per figure; returns the exit code."""
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores\n")
    print("| benchmark | what | per second | each | beside |\n| --- | --- | ---: | ---: | --- |")
    for name in wanted or NAMES:
        for what, count, seconds, *beside in import_module(f"benchmarks.{name}").measure():
            row = (name, what, f"{count / seconds:,.0f}", f"{seconds / count * 1e6:,.1f} µs", *(beside or [""]))
            print(f"| {' | '.join(row)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
