"""No-op work on other engines, with their own queues. A separate program, because each engine may need its own Python.

It prints the seconds of processing, without those of enqueueing.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PYTHON_VARIABLE = "NPS_CONNECT_BENCH_PYTHON"
"""Names another Python interpreter that has the engines which are not installed here."""

TIMEOUT_SECONDS = 120.0


def measure_engine(name: str, url: str, count: int) -> float | None:
    """Return the seconds of an engine for so many no-op tasks; None if it is not installed."""
    for python in (sys.executable, os.environ.get(PYTHON_VARIABLE)):
        if python is None:
            continue
        called = [python, str(Path(__file__)), name, url, str(count)]
        done = subprocess.run(called, check=False, capture_output=True, text=True, timeout=2 * TIMEOUT_SECONDS)
        if done.returncode == 0:
            return float(done.stdout)
        if done.returncode != EXIT_NOT_INSTALLED:
            raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    return None


EXIT_NOT_INSTALLED = 3


async def _procrastinate(url: str, count: int) -> float:
    from procrastinate import App, PsycopgConnector

    app = App(connector=PsycopgConnector(conninfo=url))

    @app.task(name="noop")
    async def noop(number: int) -> None:
        pass

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await noop.batch_defer_async(*({"number": number} for number in range(count)))
        began = time.perf_counter()
        await app.run_worker_async(wait=False, concurrency=10, install_signal_handlers=False)
        return time.perf_counter() - began


async def _pgqueuer(url: str, count: int) -> float:
    import asyncpg
    from pgqueuer import PgQueuer
    from pgqueuer.db import AsyncpgDriver
    from pgqueuer.models import Job
    from pgqueuer.queries import Queries
    from pgqueuer.types import QueueExecutionMode

    link = await asyncpg.connect(url)
    driver = AsyncpgDriver(link)
    queries = Queries(driver)
    await queries.install()
    done = 0
    pgq = PgQueuer(driver)

    @pgq.entrypoint("noop")
    async def noop(_job: Job) -> None:
        nonlocal done
        done += 1

    for begin in range(0, count, 1000):
        many = min(1000, count - begin)
        await queries.enqueue(["noop"] * many, [None] * many, [0] * many)
    began = time.perf_counter()
    await pgq.run(batch_size=100, mode=QueueExecutionMode.drain)
    took = time.perf_counter() - began
    if done != count:
        raise RuntimeError(f"{done} of {count} done")
    return took


def _dbos(url: str, count: int) -> float:
    from dbos import DBOS

    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR", "run_admin_server": False})

    @DBOS.workflow()
    def noop(number: int) -> None:
        pass

    DBOS.launch()
    DBOS.register_queue("bench", worker_concurrency=200, polling_interval_sec=0.05)
    began = time.perf_counter()
    handles = [DBOS.enqueue_workflow("bench", noop, number) for number in range(count)]
    for handle in handles:
        handle.get_result()
    took = time.perf_counter() - began
    DBOS.destroy()
    return took


ENGINES: dict[str, Callable[[str, int], float]] = {
    "procrastinate": lambda url, count: asyncio.run(_procrastinate(url, count)),
    "pgqueuer": lambda url, count: asyncio.run(_pgqueuer(url, count)),
    "dbos": _dbos,
}


if __name__ == "__main__":
    engine, address, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if importlib.util.find_spec(engine) is None:
        sys.exit(EXIT_NOT_INSTALLED)
    with contextlib.redirect_stdout(io.StringIO()):
        seconds = ENGINES[engine](address, number)
    print(seconds)
