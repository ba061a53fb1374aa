"""The carrier of a cluster: procrastinate, on the ledger's own PostgreSQL.

One task, ``drain(queue)``, at most one of them waiting per queue (`queueing_lock`; no `lock`, which a dead worker would
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

from nps_connect.ledger.procrastinate_schema import PROCRASTINATE_SCHEMA
from nps_connect.services.context import JOBS_QUEUE
from nps_connect.worker.notifier import WakeCallback

log = logging.getLogger(__name__)

TASK_QUEUE = "queues"
POLL_SECONDS = 0.5
"""Seconds: a notification that arrives while a job is fetched is lost, and only the poll finds the job."""

RECONNECT_SECONDS = 1.0
TASK_CONCURRENCY = 8


class ProcrastinateNotifier:
    """Carries wake-ups between processes.

    Args:
        url: of the database, as libpq takes it.
        heard: told every queue that arrives here; none = this process only tells.
    """

    def __init__(self, url: str, heard: WakeCallback | None = None) -> None:
        self._conninfo = psycopg.conninfo.make_conninfo(url, options=f"-c search_path={PROCRASTINATE_SCHEMA}")
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

    def wake(self, queue_name: str) -> None:
        """Tell one listening process; many wake-ups of one queue at once are one."""
        with self._lock:
            self._wanted.add(queue_name)
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
                log.warning("wake-ups do not travel now, queues are still looked at: %s", type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), RECONNECT_SECONDS)

    async def _connected(self) -> None:
        app = _build_app(self._conninfo, self._heard)
        async with app.open_async():
            tasks = [asyncio.create_task(self._tell(app)), asyncio.create_task(self._stopping.wait())]
            if self._heard is not None:
                tasks.append(asyncio.create_task(_run_worker(app)))
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
                queues, self._wanted = self._wanted, set()
            for queue_name in sorted(queues):
                with contextlib.suppress(AlreadyEnqueued):
                    await app.configure_task("drain", queue=TASK_QUEUE, queueing_lock=queue_name).defer_async(
                        queue_name=queue_name
                    )


def _build_app(conninfo: str, heard: WakeCallback | None) -> App:
    app = App(connector=PsycopgConnector(conninfo=conninfo, min_size=1, max_size=4))

    @app.task(name="drain", queue=TASK_QUEUE)
    async def drain(queue_name: str) -> None:
        if heard is not None:
            heard(queue_name)

    @app.periodic(cron="* * * * * */10")
    @app.task(name="tick", queue=TASK_QUEUE, queueing_lock="tick")
    async def tick(timestamp: int) -> None:  # noqa: ARG001  # every periodic task is given it
        """Every ten seconds one process of the cluster looks at the periodic jobs."""
        if heard is not None:
            heard(JOBS_QUEUE)

    @app.periodic(cron="* * * * *")
    @app.task(name="tidy", queue=TASK_QUEUE, queueing_lock="tidy")
    async def tidy(timestamp: int) -> None:  # noqa: ARG001
        """What a dead worker was just told is told to somebody else."""
        for job in await app.job_manager.get_stalled_jobs():
            await app.job_manager.retry_job(job)

    return app


async def _run_worker(app: App) -> None:
    options: dict[str, Any] = {
        "queues": [TASK_QUEUE],
        "concurrency": TASK_CONCURRENCY,
        "fetch_job_polling_interval": POLL_SECONDS,
        "install_signal_handlers": False,
        "delete_jobs": "always",
        "shutdown_graceful_timeout": 2,
    }
    await app.run_worker_async(**options)
