"""The carrier of a cluster: procrastinate, on the ledger's own PostgreSQL.

One task, ``drain(lane)``, at most one of them waiting per lane (`queueing_lock`; no `lock`, which a dead worker would
leave behind). Its worker needs the async connector, so all of it lives in one thread with a loop of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from typing import Any

import psycopg.conninfo
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued

from nps_connect.flows.context import JOBS
from nps_connect.ledger.carrying import SCHEMA
from nps_connect.worker.carrier import Heard

log = logging.getLogger(__name__)

QUEUE = "lanes"
POLL = 0.5
"""Seconds: a notification that arrives while a job is fetched is lost, and only the poll finds the job."""

AFTER_A_FAILURE = 1.0
AT_ONCE = 8


class ClusterCarrier:
    """Carries wake-ups between processes.

    Args:
        url: of the database, as libpq takes it.
        heard: told every lane that arrives here; none = this process only tells.
    """

    def __init__(self, url: str, heard: Heard | None = None) -> None:
        self._conninfo = psycopg.conninfo.make_conninfo(url, options=f"-c search_path={SCHEMA}")
        self._heard = heard
        self._wanted: set[str] = set()
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="carrier", daemon=True)

    def start(self) -> None:
        """Begin to carry, in a thread."""
        self._thread.start()

    def wake(self, lane: str) -> None:
        """Tell one listening process; many wake-ups of one lane at once are one."""
        with self._lock:
            self._wanted.add(lane)
        with contextlib.suppress(RuntimeError):  # stopped meanwhile
            self._loop.call_soon_threadsafe(self._news.set)

    def stop(self) -> None:
        """Carry no more."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._carry())

    async def _carry(self) -> None:
        """Carry until told to stop, whatever happens to the database meanwhile."""
        while not self._stopping.is_set():
            try:
                await self._connected()
            except Exception as error:  # noqa: BLE001  # it must outlive every failure of the database
                log.warning("wake-ups do not travel now, lanes are still looked at: %s", type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), AFTER_A_FAILURE)

    async def _connected(self) -> None:
        app = _app(self._conninfo, self._heard)
        async with app.open_async():
            tasks = [asyncio.create_task(self._tell(app)), asyncio.create_task(self._stopping.wait())]
            if self._heard is not None:
                tasks.append(asyncio.create_task(_listen(app)))
            done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
            for task in done:
                task.result()

    async def _tell(self, app: App) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            with self._lock:
                lanes, self._wanted = self._wanted, set()
            for lane in sorted(lanes):
                with contextlib.suppress(AlreadyEnqueued):
                    await app.configure_task("drain", queue=QUEUE, queueing_lock=lane).defer_async(lane=lane)


def _app(conninfo: str, heard: Heard | None) -> App:
    app = App(connector=PsycopgConnector(conninfo=conninfo, min_size=1, max_size=4))

    @app.task(name="drain", queue=QUEUE)
    async def drain(lane: str) -> None:
        if heard is not None:
            heard(lane)

    @app.periodic(cron="* * * * * */10")
    @app.task(name="tick", queue=QUEUE, queueing_lock="tick")
    async def tick(timestamp: int) -> None:  # noqa: ARG001  # every periodic task is given it
        """Every ten seconds one process of the cluster looks at the periodic jobs."""
        if heard is not None:
            heard(JOBS)

    @app.periodic(cron="* * * * *")
    @app.task(name="tidy", queue=QUEUE, queueing_lock="tidy")
    async def tidy(timestamp: int) -> None:  # noqa: ARG001
        """What a dead worker was just told is told to somebody else."""
        for job in await app.job_manager.get_stalled_jobs():
            await app.job_manager.retry_job(job)

    return app


async def _listen(app: App) -> None:
    options: dict[str, Any] = {
        "queues": [QUEUE],
        "concurrency": AT_ONCE,
        "fetch_job_polling_interval": POLL,
        "install_signal_handlers": False,
        "delete_jobs": "always",
        "shutdown_graceful_timeout": 2,
    }
    await app.run_worker_async(**options)
