"""(g) `--help` against a bare click program, as processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from time import perf_counter

RUNS = 10
BARE = "import click\n@click.group()\ndef main(): pass\nmain(['--help'])"
OURS = "from nps_connect.cli import main\nmain(['--help'])"


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Return the fastest of several alternating runs each."""
    bare, ours = zip(*((_run(BARE), _run(OURS)) for _ in range(RUNS)), strict=True)
    ratio = min(ours) / min(bare)
    yield "a bare click program, --help", 1, min(bare), ""
    reached = "reached" if ratio <= 1.6 else "missed"
    yield "nps-connect --help", 1, min(ours), f"{ratio:.2f} times bare click; goal 1.6 {reached}"


def _run(program: str) -> float:
    began = perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - began
