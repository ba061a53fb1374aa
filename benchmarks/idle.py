"""CPU and memory of an idle `run` with 34 connections, as a process: nothing is due and nothing arrives."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks._processes import run_processes, write_configuration
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create

CONNECTIONS = 34
WARM_UP_SECONDS = 20.0
SECONDS = 60.0
CONNECTION = """
[connections.crm{number}]
plugin = "hubspot"
base_url = "http://127.0.0.1:9"
access_token = {{ env = "BENCH_TOKEN" }}
webhook_secrets = [{{ env = "BENCH_TOKEN" }}]
events = "webhook"
"""


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Return the share of a core over a minute, after the checks at the start."""
    with tempfile.TemporaryDirectory() as folder:
        config, database = write_product(Path(folder))
        with run_processes(config, database, "run") as (process,):
            time.sleep(WARM_UP_SECONDS)
            before = process.cpu_times()
            time.sleep(SECONDS)
            after, memory = process.cpu_times(), process.memory_info().rss
    spent = after.user + after.system - before.user - before.system
    remark = f"{spent / SECONDS:.1%} of one core; {memory / 10**6:.0f} MB resident"
    yield f"run with {CONNECTIONS} connections, idle", 0, spent, remark


def write_product(folder: Path) -> tuple[Path, str]:
    """Write a configuration with so many connections, and create its ledger; returns the path and the address."""
    database = f"sqlite:///{folder}/ledger.db"
    ledger = Ledger(database, create=True)
    create(ledger)
    ledger.close()
    config, _ = write_configuration(folder, "http://127.0.0.1:9")
    with config.open("a") as text:
        text.writelines(CONNECTION.format(number=number) for number in range(CONNECTIONS - 2))
    return config, database
