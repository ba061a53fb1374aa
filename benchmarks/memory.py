"""(f) Memory and CPU of `run` as a real process with 1,000,000 pending deliveries: waiting, and at full speed.

Waiting: surveys due in three days. Full speed: due scores, to a vendor in another process with a declared quota of 190
calls in ten seconds.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from benchmarks._fixtures import START, insert_deliveries, insert_responses
from benchmarks._processes import ScoreVendor, run_processes, write_configuration
from nps_connect.connection import system_clock
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create

PENDING, PEOPLE = 1_000_000, 10_000
SECONDS = 20.0
MAX_MEGABYTES = 150


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Return resident memory and CPU share, over 20 seconds each."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    vendor = multiprocessing.get_context("spawn").Process(target=_run_vendor, args=(theirs,), daemon=True)
    vendor.start()
    address = ours.recv()
    for what, queue_name, due in (
        ("waiting", "mail/send_survey", system_clock() + timedelta(days=3)),
        ("at full speed", "crm/write_score", START),
    ):
        with tempfile.TemporaryDirectory() as folder:
            database = f"sqlite:///{folder}/ledger.db"
            ledger = Ledger(database, create=True)
            create(ledger)
            insert_responses(ledger, PEOPLE, system_clock())
            insert_deliveries(ledger, queue_name, PENDING, people=PEOPLE, due=due)
            ledger.close()
            config, _ = write_configuration(Path(folder), address)
            with run_processes(config, database, "run") as (process,):
                time.sleep(5)
                before, spent, began = _received_scores(ours), process.cpu_times(), time.monotonic()
                most = _peak_megabytes(process)
                score_count, elapsed = _received_scores(ours) - before, time.monotonic() - began
                used = process.cpu_times()
        share = (used.user + used.system - spent.user - spent.system) / elapsed
        goal = f"goal {MAX_MEGABYTES} {'reached' if most < MAX_MEGABYTES else 'missed'}"
        details = f"{most} MB resident; {goal}; {share:.0%} of one core"
        if score_count:
            details += f", {share / (score_count / elapsed) * 1e6:.0f} µs a score"
        yield f"run with {PENDING:,} pending, {what}", score_count, elapsed, details
    vendor.terminate()


def _peak_megabytes(process: psutil.Process) -> int:
    """Return the peak resident memory, in MB."""
    most, until = 0, time.monotonic() + SECONDS
    while time.monotonic() < until:
        most = max(most, process.memory_info().rss)
        time.sleep(0.25)
    return most // 10**6


def _received_scores(vendor: Connection) -> int:
    vendor.send("how many")
    return int(vendor.recv())


def _run_vendor(line: Connection) -> None:
    with ScoreVendor() as vendor:
        line.send(vendor.url)
        while line.recv():
            line.send(sum(count for _, count in vendor.calls))
